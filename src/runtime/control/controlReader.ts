import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import type { Logger } from '../../output/logger.ts';
import { controlTopic } from '../topics/operationTopics.ts';
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
 * Follows <pipeline>.control from now on, after the pause that holds already, where there is one. A failure is said once and the topic tried again from where it was: a pipeline
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

  /** Resolves when the pause that holds has been given on, and every later command will be seen. */
  static async start(options: ControlReaderOptions): Promise<ControlReader> {
    const place = { topic: controlTopic(options.pipeline), partition: 0 };
    const [begin] = await options.client.admin.listOffsets([place], 'earliest');
    const [end] = await options.client.admin.listOffsets([place], 'latest');
    const reader = new ControlReader(options, Math.max(0, begin?.offset ?? 0));
    await reader.#catchUp(Math.max(0, end?.offset ?? 0));
    reader.#running = reader.#follow();
    return reader;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Who joins is as the others are: a pause holds until somebody resumes. */
  async #catchUp(end: number): Promise<void> {
    if (this.#position >= end) return;
    const { client, pipeline, logger, onCommand } = this.#options;
    const place = { topic: controlTopic(pipeline), partition: 0 };
    const consumer = await client.createConsumer({ maxWaitMs: WAIT_MS, isolation: 'read_uncommitted' });
    let standing: ControlCommand | undefined;
    const later: ControlCommand[] = [];
    try {
      await consumer.assign([{ ...place, offset: this.#position }]);
      while (this.#position < end) {
        const batch = await consumer.poll(POLL_MS);
        for (const { offset, command } of batch === null ? [] : this.#commands(batch)) {
          if (offset >= end) later.push(command);
          else if (command.command === 'pause') standing = command;
          else if (command.command === 'resume') standing = undefined;
        }
        this.#position = consumer.position(place.topic, place.partition);
      }
    } finally {
      await consumer.close().catch(() => {});
    }
    if (standing !== undefined) {
      const { by, sentMs } = standing;
      logger.warn(
        `starts paused, as the pipeline is since ${new Date(sentMs).toISOString()} by ${by}: anomaly control resume ${pipeline} lets it go on`,
      );
      onCommand(standing);
    }
    for (const command of later) onCommand(command);
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
    for (const { command } of this.#commands(batch)) this.#options.onCommand(command);
    this.#position = batch.nextOffset;
  }

  /** Those of a batch that are for this group. */
  *#commands(batch: ColumnBatch): Generator<{ readonly offset: number; readonly command: ControlCommand }> {
    const { group, logger } = this.#options;
    for (let i = 0; i < batch.count; i++) {
      const start = batch.valueStart[i]!;
      const value = start < 0 ? new Uint8Array(0) : batch.bytes.subarray(start, batch.valueEnd[i]);
      const command = decodeCommand(value);
      if ('problem' in command) logger.warn(`left out ${batch.topic} offset ${batch.offsets[i]} as ${command.problem}`);
      else if (command.group === null || command.group === group) yield { offset: batch.offsets[i]!, command };
    }
  }
}

/** The broker answers as soon as a command is there; a short poll lets the reader end soon. */
const WAIT_MS = 500;
const POLL_MS = 100;
const RETRY_MS = 1000;
