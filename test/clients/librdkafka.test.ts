import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBinding } from '../../src/clients/librdkafka/binding.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { runContract } from './contract.ts';
import { runGroupContract } from './groupContract.ts';

// The addon is an optional dependency: without it the reason is told once, and a tier of .ci/run insists on it.
let missing: string | null = null;
try {
  await loadBinding();
} catch (error) {
  assert.ok(isAnomalyError(error) && error.code === 'ANM_CLIENT_MISSING');
  missing = error.message;
}

if (missing === null) {
  runContract('librdkafka');
  runGroupContract('librdkafka');
} else if (process.env['ANOMALY_REQUIRE_LIBRDKAFKA'] === '1') {
  test('the native client loads', () => assert.fail(missing));
} else {
  test('contract of the client librdkafka', { skip: missing }, () => {});
}
