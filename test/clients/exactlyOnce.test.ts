import { describe } from 'node:test';
import { defineEpochContract } from './epochContract.ts';
import { runExactlyOnceContract } from './exactlyOnceContract.ts';
import { withClient } from './helpers/context.ts';

runExactlyOnceContract('platformatic');
describe('epochs of transactional producers', { timeout: 600_000 }, () =>
  withClient('platformatic', defineEpochContract),
);
