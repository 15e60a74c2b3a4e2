import type { Writable } from 'node:stream';
import type { Outgoing, SendResult } from '../delivery/sink.ts';
import { notificationJson } from './notificationJson.ts';
import { BaseSink, type SinkBase } from './sinkBase.ts';

/** Where a record goes. Rejects where it is not acknowledged. */
export interface Publisher {
  publish(key: string, value: string, atMs: number): Promise<void>;
  close(): Promise<void>;
}

/** A line of JSON a notification on stdout. */
export class StdoutSink extends BaseSink {
  readonly type = 'stdout';
  override readonly mostAtOnce = 100;
  override readonly isLimited = false;
  readonly #stream: Writable;

  constructor(base: SinkBase, stream: Writable) {
    super(base);
    this.#stream = stream;
  }

  send(batch: readonly Outgoing[]): Promise<SendResult> {
    const lines = batch.map((each) => `${JSON.stringify(notificationJson(each, this.test))}\n`).join('');
    return new Promise((resolve) => {
      this.#stream.write(lines, (error) => {
        if (error === null || error === undefined) resolve({ kind: 'delivered' });
        else resolve({ kind: 'retry', problem: `stdout: ${error.message}`, isUnreachable: true });
      });
    });
  }
}

/** A record a notification on a topic: key the incident's id, value JSON, the time that of the change. */
export class TopicSink extends BaseSink {
  readonly type = 'topic';
  override readonly mostAtOnce = 100;
  override readonly isLimited = false;
  readonly #publisher: Publisher;

  constructor(base: SinkBase, publisher: Publisher) {
    super(base);
    this.#publisher = publisher;
  }

  async send(batch: readonly Outgoing[]): Promise<SendResult> {
    try {
      await Promise.all(
        batch.map((each) =>
          this.#publisher.publish(
            each.notification.id,
            JSON.stringify(notificationJson(each, this.test)),
            each.notification.updatedMs,
          ),
        ),
      );
      return { kind: 'delivered' };
    } catch (error) {
      return { kind: 'retry', problem: (error as Error).message, isUnreachable: true };
    }
  }

  override async close(): Promise<void> {
    await this.#publisher.close();
  }
}
