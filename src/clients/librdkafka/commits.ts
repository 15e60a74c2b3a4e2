import { AnomalyError } from '../../errors.ts';
import type { ClientOptions } from '../client.ts';
import { KafkaCode, kafkaError } from '../kafkaErrors.ts';
import type { TopicPartitionOffset } from '../topicPartition.ts';
import { call, type NativeConsumer, type NativeError, type NativePartition } from './binding.ts';
import type { ErrorLog } from './errors.ts';

const RETRY_PAUSE_MS = 50;

interface Answer {
  readonly error: NativeError | null;
}

/**
 * Commits that are known to have arrived. The binding's `commitCb` calls back when the request is queued, not when
 * the broker has answered; the answer comes by `offset_commit_cb`, and that only while somebody consumes.
 */
export class NativeCommits {
  readonly #native: NativeConsumer;
  readonly #errors: ErrorLog;
  readonly #client: ClientOptions;
  /** Runs one consume call, in which librdkafka delivers the answers. */
  readonly #serve: () => Promise<void>;
  /** One commit at a time, so that an answer is the answer to it. */
  #last: Promise<unknown> = Promise.resolve();
  #answer: Answer | null = null;

  constructor(native: NativeConsumer, errors: ErrorLog, client: ClientOptions, serve: () => Promise<void>) {
    this.#native = native;
    this.#errors = errors;
    this.#client = client;
    this.#serve = serve;
  }

  /** For librdkafka's offset_commit_cb. */
  answered(error: NativeError | null | undefined, offsets: readonly NativePartition[] | undefined): void {
    const failed = offsets?.find((each) => each.error !== undefined)?.error;
    this.#answer = { error: failed ?? error ?? null };
  }

  commit(action: string, offsets: readonly TopicPartitionOffset[], isMember: boolean): Promise<void> {
    const next = this.#last.then(() => this.#commit(action, offsets, isMember));
    this.#last = next.catch(() => {
      // Whoever asked for this commit was told; the next one begins anew.
    });
    return next;
  }

  async #commit(action: string, offsets: readonly TopicPartitionOffset[], isMember: boolean): Promise<void> {
    const deadline = performance.now() + (this.#client.retryTimeoutMs ?? 30_000);
    for (;;) {
      const error = await this.#once(offsets, deadline);
      if (error === null) return;
      const { code } = error;
      if (isMember && REBALANCED.has(code)) {
        throw new AnomalyError(
          'ANM_GROUP_REBALANCED',
          `cannot ${action} as the broker answered ${kafkaError(code).name}`,
        );
      }
      if (!(code > 0 && kafkaError(code).retry !== 'no') || performance.now() > deadline) {
        const timeoutMs = this.#client.retryTimeoutMs ?? 30_000;
        throw this.#errors.callFailure(error, action, 'retry_timeout', timeoutMs, this.#client);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
    }
  }

  async #once(offsets: readonly TopicPartitionOffset[], deadline: number): Promise<NativeError | null> {
    this.#answer = null;
    try {
      await call((done) =>
        this.#native.commitCb(
          offsets.map((each) => ({ ...each })),
          done,
        ),
      );
    } catch (error) {
      return error as NativeError;
    }
    for (;;) {
      // The callback may have come while the request was being queued.
      const answer = this.#answer as Answer | null;
      if (answer !== null) return answer.error;
      if (performance.now() > deadline) return Object.assign(new Error('no answer'), { code: TIMED_OUT });
      await this.#serve();
    }
  }
}

const TIMED_OUT = -185;
const REBALANCED = new Set<number>([
  KafkaCode.illegalGeneration,
  KafkaCode.unknownMemberId,
  KafkaCode.rebalanceInProgress,
]);
