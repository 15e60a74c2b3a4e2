// confluent-kafka for Python, on librdkafka.
import { join } from 'node:path';
import { before } from 'node:test';
import { testFeatures } from './helpers/bothBrokers.ts';
import { runProgram } from './helpers/features.ts';
import { confluentKafkaVersion, PYTHON_SOURCE, pythonWithRequirements } from './helpers/python.ts';

let python = '';
before(() => {
  python = pythonWithRequirements();
});

testFeatures(
  'python',
  () => ({ client: 'confluent-kafka (Python)', version: confluentKafkaVersion() }),
  (t, brokers, prefix) => runProgram(t, python, [join(PYTHON_SOURCE, 'features.py'), brokers, prefix]),
);
