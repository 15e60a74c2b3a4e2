import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import type { BrokerOptions } from '../../src/broker/brokerOptions.ts';
import { type Clock, systemClock } from '../../src/broker/clock.ts';
import { certificate, certificateWithKey } from '../helpers/certificates/files.ts';
import { LISTENERS, type ListenerName, PASSWORD, REAUTH_MS, runSecurityContract, USER } from './securityContract.ts';

const TLS = certificateWithKey('server');
const SASL = {
  users: { [USER]: PASSWORD },
  mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
} as const;

const OPTIONS: Readonly<Record<ListenerName, BrokerOptions>> = {
  plain: {},
  tls: { tls: TLS },
  mutual: { tls: { ...TLS, ca: certificate('ca'), clientAuth: true } },
  elsewhere: { tls: certificateWithKey('elsewhere') },
  expired: { tls: certificateWithKey('expired') },
  sasl: { sasl: SASL },
  secured: { tls: TLS, sasl: SASL },
  scram512: { sasl: { ...SASL, mechanisms: ['SCRAM-SHA-512'] } },
  reauth: { sasl: { ...SASL, maxReauthMs: REAUTH_MS } },
};
const brokers = new Map<ListenerName, Broker>();
/** Why the broker closed connections whose logins run out. */
const closed: unknown[] = [];
const silent = () => {};
const logger = {
  debug: silent,
  info: silent,
  error: silent,
  warn: (_message: string, fields?: Readonly<Record<string, unknown>>) => closed.push(fields?.['reason']),
};

/** The broker's time goes half as fast as the clients', so that a busy machine does not make them late. */
function slowClock(): Clock {
  const startMs = Date.now();
  return { now: () => startMs + (Date.now() - startMs) / 2, after: systemClock.after };
}

before(async () => {
  for (const name of LISTENERS) {
    const more = name === 'reauth' ? { logger, clock: slowClock() } : {};
    brokers.set(name, await startBroker({ ...OPTIONS[name], ...more }));
  }
});
after(async () => {
  for (const broker of brokers.values()) await broker.close();
});

await runSecurityContract((listener) => {
  const broker = brokers.get(listener);
  assert.ok(broker !== undefined);
  return broker.address;
});

test('no login ran out before it was renewed', () => {
  assert.deepEqual(closed, []);
});
