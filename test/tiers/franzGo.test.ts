// franz-go, a client for Go.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { testFeatures } from './helpers/bothBrokers.ts';
import { runProgram } from './helpers/features.ts';

const SOURCE = fileURLToPath(new URL('go', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'anomaly-franz-go-'));
before(() => {
  execFileSync('go', ['build', '-o', join(dir, 'features'), '.'], { cwd: SOURCE, stdio: 'inherit' });
});
after(() => rmSync(dir, { recursive: true, force: true }));

testFeatures(
  'franzGo',
  () => ({
    client: 'franz-go',
    version: /franz-go v([\d.]+)/.exec(readFileSync(join(SOURCE, 'go.mod'), 'utf8'))![1]!,
  }),
  (t, brokers, prefix) => runProgram(t, join(dir, 'features'), [brokers, prefix]),
);
