import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { Logger } from '../../output/logger.ts';
import { controlTopic } from '../operationTopics.ts';
import { type ControlCommand, decodeCommand } from './command.ts';

export interface ControlReaderOptions {
  readonly client: KafkaClient;
  readonly pipeline: string;
  readonly group: string;
  readonly logger: Logger;
  readonly onCommand: (command: ControlCommand) => void;
  /** Waits before the topic is tried again after a failure; ends early with the reader. */
  readonly pause: (timeMs: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Follows <pipeline>.control from now on. A failure is said once and the topic tried again from where it was: a pipeline
 * does not end because nobody can command it.
 */
export class ControlReader {
  readonly #options: ControlReaderOptions;
  readonly #stop = new AbortController();
  #position: number;
  #running: Promise<void> | undefined;

  private constructor(options: ControlReaderOptions, position: number) {
    this.#options = options;
    this.#position = position;
  }

  /** Resolves when every later command will be seen. */
  static async start(options: ControlReaderOptions): Promise<ControlReader> {
    const topic = controlTopic(options.pipeline);
    const [end] = await options.client.admin.listOffsets([{ topic, partition: 0 }], 'latest');
    const reader = new ControlReader(options, Math.max(0, end?.offset ?? 0));
    reader.#running = reader.#follow();
    return reader;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { client, logger, pause, pipeline } = this.#options;
    const topic = controlTopic(pipeline);
    let isFailing = false;
    while (!this.#stop.signal.aborted) {
      let consumer: Consumer | undefined;
      try {
        consumer = await client.createConsumer({ maxWaitMs: WAIT_MS, isolation: 'read_uncommitted' });
        await consumer.assign([{ topic, partition: 0, offset: this.#position }]);
        while (!this.#stop.signal.aborted) {
          await this.#poll(consumer);
          isFailing = false;
        }
      } catch (error) {
        if (!isFailing && !this.#stop.signal.aborted) logger.warn(`cannot read ${topic}: ${(error as Error).message}`);
        isFailing = true;
        await pause(RETRY_MS, this.#stop.signal);
      } finally {
        await consumer?.close().catch(() => {});
      }
    }
  }

  async #poll(consumer: Consumer): Promise<void> {
    const batch = await consumer.poll(POLL_MS);
    if (batch === null) return;
    const { group, logger, onCommand } = this.#options;
    for (let i = 0; i < batch.count; i++) {
      const start = batch.valueStart[i]!;
      const value = start < 0 ? new Uint8Array(0) : batch.bytes.subarray(start, batch.valueEnd[i]);
      const command = decodeCommand(value);
      if ('problem' in command) logger.warn(`left out ${batch.topic} offset ${batch.offsets[i]} as ${command.problem}`);
      else if (command.group === null || command.group === group) onCommand(command);
    }
    this.#position = batch.nextOffset;
  }
}

/** The broker answers as soon as a command is there; a short poll lets the reader end soon. */
const WAIT_MS = 500;
const POLL_MS = 100;
const RETRY_MS = 1000;
