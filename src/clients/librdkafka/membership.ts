import type { ClientOptions } from '../client.ts';
import type { GroupMembership } from '../transactions.ts';
import { type Binding, type Callback, call, type NativeConsumer, type NativeError } from './binding.ts';
import { consumerConf } from './config.ts';
import type { ErrorLog } from './errors.ts';

const CONSUMERS = new WeakMap<GroupMembership, NativeConsumer>();

/**
 * A member of librdkafka's. Generation and member id stay within it: its producer asks its consumer for them, when it sends
 * the offsets.
 */
export function nativeMembership(
  groupId: string,
  instanceId: string | null,
  consumer: NativeConsumer,
): GroupMembership {
  const membership = { groupId, generation: -1, memberId: '', instanceId };
  CONSUMERS.set(membership, consumer);
  return membership;
}

/** Undefined for a member of another client. */
export function consumerOf(membership: GroupMembership): NativeConsumer | undefined {
  return CONSUMERS.get(membership);
}

/**
 * For offsets of groups without members: consumers that never join, since librdkafka's producer takes what it is to say of a
 * member from a consumer only.
 */
export class MemberlessConsumers {
  readonly #binding: Binding;
  readonly #errors: ErrorLog;
  readonly #client: ClientOptions;
  readonly #consumers = new Map<string, Promise<NativeConsumer>>();

  constructor(binding: Binding, errors: ErrorLog, client: ClientOptions) {
    this.#binding = binding;
    this.#errors = errors;
    this.#client = client;
  }

  /** Undefined for who is a member, of another client then. */
  async of({ groupId, generation, memberId }: GroupMembership): Promise<NativeConsumer | undefined> {
    if (generation >= 0 || memberId !== '') return undefined;
    let opening = this.#consumers.get(groupId);
    if (opening === undefined) {
      opening = this.#open(groupId);
      this.#consumers.set(groupId, opening);
    }
    return opening;
  }

  async close(): Promise<void> {
    for (const opening of this.#consumers.values()) {
      const consumer = await opening.catch(() => null);
      if (consumer !== null) await call((done: Callback) => consumer.disconnect(done));
    }
  }

  async #open(groupId: string): Promise<NativeConsumer> {
    const consumer = new this.#binding.KafkaConsumer(consumerConf(this.#client, { groupId }), {});
    this.#errors.listen(consumer);
    const timeout = this.#client.dialTimeoutMs ?? 3000;
    try {
      await call((done) => consumer.connect({ timeout, allTopics: true }, done));
    } catch (error) {
      throw this.#errors.connectFailure(error as NativeError, this.#client, timeout);
    }
    return consumer;
  }
}
