import { describe } from 'node:test';
import { withClient } from './helpers/context.ts';
import { defineRebalanceContract } from './rebalanceContract.ts';

describe('rebalances of the fast client', { timeout: 600_000 }, () =>
  withClient('platformatic', defineRebalanceContract),
);
