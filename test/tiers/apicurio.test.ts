// The registry contract against Apicurio Registry, a registry that nobody here wrote, by its Confluent API. Start one
// with test/services/apicurio.sh and name it: ANOMALY_TEST_REGISTRY=http://127.0.0.1:8081/apis/ccompat/v7
import assert from 'node:assert/strict';
import { registryContract } from '../clients/registryContract.ts';

const url = process.env['ANOMALY_TEST_REGISTRY'];
assert.ok(url, 'ANOMALY_TEST_REGISTRY has no address of a registry');

registryContract('Apicurio', async () => ({
  url,
  // Its Confluent API has no modes, takes NONE of a subject for no setting, and checks no schema with references.
  modes: false,
  subjectNone: false,
  checksReferences: false,
  close: async () => {},
}));
