// Runs a command with a real Kafka and a real registry that its tests share, and ends with its exit code.
// usage: node --import tsx test/tiers/helpers/withServices.ts COMMAND [ARG ...]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startApicurio, startKafka } from './services.ts';

const started = performance.now();
const [kafka, apicurio] = await Promise.all([startKafka(), startApicurio()]);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
process.stderr.write(`Kafka on ${kafka.brokers} and Apicurio on ${apicurio.url} after ${seconds} s\n`);
const [command, ...args] = process.argv.slice(2);
const child = spawn(command!, args, {
  stdio: 'inherit',
  env: { ...process.env, ANOMALY_TEST_BROKERS: kafka.brokers, ANOMALY_TEST_REGISTRY: apicurio.url },
});
const [code] = await once(child, 'exit');
await Promise.all([kafka.remove(), apicurio.remove()]);
process.exitCode = code ?? 1;
