// kafkajs, a client for Node in JavaScript alone.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before } from 'node:test';
import { testFeatures } from './helpers/bothBrokers.ts';
import { runProgram } from './helpers/features.ts';
import { installKafkajs, KAFKAJS_SOURCE } from './helpers/kafkajs.ts';

let dir = '';
before(() => {
  dir = installKafkajs();
});

testFeatures(
  'kafkajs',
  () => ({
    client: 'kafkajs',
    version: JSON.parse(readFileSync(join(KAFKAJS_SOURCE, 'package.json'), 'utf8')).dependencies.kafkajs,
  }),
  (t, brokers, prefix) => runProgram(t, process.execPath, [join(dir, 'features.mjs'), brokers, prefix]),
);
