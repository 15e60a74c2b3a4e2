// kafkajs, a client for Node in JavaScript alone.
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { testFeatures } from './helpers/bothBrokers.ts';
import { runProgram } from './helpers/features.ts';
import { servicesDir } from './helpers/services.ts';

const SOURCE = fileURLToPath(new URL('kafkajs', import.meta.url));
const dir = join(servicesDir(), 'kafkajs');
before(() => {
  cpSync(SOURCE, dir, { recursive: true });
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: dir, stdio: 'inherit' });
});

testFeatures(
  'kafkajs',
  () => ({
    client: 'kafkajs',
    version: JSON.parse(readFileSync(join(SOURCE, 'package.json'), 'utf8')).dependencies.kafkajs,
  }),
  (t, brokers, prefix) => runProgram(t, process.execPath, [join(dir, 'features.mjs'), brokers, prefix]),
);
