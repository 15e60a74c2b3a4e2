import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { type Broker, startBroker } from '../../../src/broker/broker.ts';
import type { ClientOptions, KafkaClient } from '../../../src/clients/client.ts';
import { type ClientName, connect } from '../../../src/clients/connect.ts';
import { isAnomalyError } from '../../../src/errors.ts';

export interface ContractContext {
  /** host:port of the broker. */
  readonly address: () => string;
  readonly client: () => KafkaClient;
  /** A topic of its own for each test. */
  readonly topic: (partitions?: number) => Promise<string>;
  /** The same name for the same word, and one that no other run on the cluster has. */
  readonly named: (word: string) => string;
  readonly open: (options?: Partial<ClientOptions>) => Promise<KafkaClient>;
}

/** A broker to run against. */
export interface Target {
  readonly address: string;
  close(): Promise<void>;
}

/** Sets a client up against the broker that `start` gives, and runs the tests of `define` with them. */
export function withClientOn<T extends Target>(
  start: () => Promise<T>,
  name: ClientName,
  define: (context: ContractContext, target: () => T) => void,
): void {
  let target: T;
  let client: KafkaClient;
  let topics = 0;
  const run = randomUUID().slice(0, 8);
  const named = (word: string) => `${word}-${run}`;
  const opened: KafkaClient[] = [];
  const open = async (options: Partial<ClientOptions> = {}) => {
    const made = await connect({ brokers: [target.address], client: name, ...options });
    opened.push(made);
    return made;
  };
  before(async () => {
    target = await start();
    client = await open();
  });
  after(async () => {
    for (const made of opened) await made.close();
    await target?.close();
  });
  const topic = async (partitions = 1) => {
    topics += 1;
    const topic = named(`contract-${topics}`);
    await client.admin.createTopics([{ name: topic, partitions }]);
    return topic;
  };
  define({ address: () => target.address, client: () => client, open, named, topic }, () => target);
}

export interface FaultContext extends ContractContext {
  readonly broker: () => Broker;
}

/** The same against the embedded broker, into which faults can be injected. */
export function withClient(name: ClientName, define: (context: FaultContext) => void): void {
  const start = () => startBroker({ port: 0, minSessionTimeoutMs: 100 });
  withClientOn(start, name, (context, broker) => define({ ...context, broker }));
}

export const codeIs =
  (code: string, pattern = /./) =>
  (error: unknown) => {
    assert.ok(isAnomalyError(error), `an AnomalyError, not ${String(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  };
