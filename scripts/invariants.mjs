// A hundred kills of a run, at random moments and at chosen ones, with outputs read by kafkajs as well.
// usage: npm run invariants      (settings: test/invariants/README.md)
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const files = ['nothingDoubledByKill', 'exactlyOnceByKill'].map((name) => `test/invariants/${name}.test.ts`);
const env = {
  ANOMALY_TEST_KILLS: '100',
  ANOMALY_TEST_FOREIGN: '1',
  ANOMALY_TEST_TIMEOUT_MS: '3600000',
  ...process.env,
};
const script = fileURLToPath(new URL('./test.mjs', import.meta.url));
spawn(process.execPath, [script, ...files], { stdio: 'inherit', env }).on('exit', (code) => {
  process.exitCode = code ?? 1;
});
