// Kafka's own clients for Java: producer, consumer and AdminClient.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { testFeatures } from './helpers/bothBrokers.ts';
import { runProgram } from './helpers/features.ts';
import { installKafka, KAFKA_VERSION, kafkaClassPath, kafkaJars } from './helpers/services.ts';

const SOURCE = fileURLToPath(new URL('java', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'anomaly-java-'));
before(() => {
  installKafka();
  // A headless runtime has the compiler as a module, without the command.
  const compile = ['-m', 'jdk.compiler/com.sun.tools.javac.Main', '-cp', kafkaJars().join(':'), '-d', dir];
  execFileSync('java', [...compile, join(SOURCE, 'Features.java')], { stdio: 'inherit' });
});
after(() => rmSync(dir, { recursive: true, force: true }));

testFeatures(
  'java',
  () => ({ client: 'Java clients', version: KAFKA_VERSION }),
  (t, brokers, prefix) => {
    const logging = `-Dlog4j2.configurationFile=${join(SOURCE, 'log4j2.properties')}`;
    return runProgram(t, 'java', [logging, '-cp', `${dir}:${kafkaClassPath()}`, 'Features', brokers, prefix]);
  },
);
