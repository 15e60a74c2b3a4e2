import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import { controlTopic } from '../topics/operationTopics.ts';
import { type ControlCommand, decodeCommand } from './command.ts';

export interface ControlReaderOptions {
  readonly client: KafkaClient;
  readonly pipeline: string;
  readonly group: string;
  readonly logger: Logger;
  readonly onCommand: (command: ControlCommand) => void;
  /** Runs to the end of its topics: who starts that wants it, whether the pipeline was paused before or not. */
  readonly untilEnd: boolean;
  /** Ends the wait for a pause that holds. */
  readonly signal: AbortSignal;
  /** Ends early with the signal. */
  readonly pause: (timeMs: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Follows <pipeline>.control from now on, after the pause that holds already, where there is one. A failure is said once
 * and the topic tried again from where it was: a pipeline does not end because nobody can command it. A topic that was made
 * anew or truncated is read from its start: those who sent its commands wait for an answer.
 */
export class ControlReader {
  readonly #options: ControlReaderOptions;
  readonly #stop = new AbortController();
  /** The next offset to read, or where it is to be found once the topic tells. */
  #position: number | 'earliest' | 'latest' = 'latest';
  /** Commands of before the start: what is left of a truncated topic may have them again. */
  readonly #former = new Set<string>();
  #running: Promise<void> | undefined;

  private constructor(options: ControlReaderOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the pause that holds has been given on, and every later command will be seen; where that cannot be read
   * in a few seconds, that is said, and none holds.
   */
  static async start(options: ControlReaderOptions): Promise<ControlReader> {
    const reader = new ControlReader(options);
    await reader.#begin();
    if (!options.signal.aborted) reader.#running = reader.#follow();
    return reader;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #begin(): Promise<void> {
    const { pipeline, logger, pause, signal } = this.#options;
    const over = new AbortController();
    const late = pause(CATCH_UP_MS, AbortSignal.any([over.signal, signal])).then(() => {
      throw new Error(`no answer within ${CATCH_UP_MS / 1000} s`);
    });
    try {
      const standing = await Promise.race([this.#standing(over.signal), late]);
      if (standing !== undefined) this.#hold(standing);
    } catch (error) {
      const { message } = error as Error;
      if (signal.aborted) return;
      logger.warn(
        `cannot read from ${controlTopic(pipeline)} whether a pause holds, and goes on as if none did: ${message}`,
      );
    } finally {
      over.abort();
    }
  }

  /** Who joins is as the others are. */
  #hold(standing: ControlCommand): void {
    const { pipeline, logger, onCommand, untilEnd } = this.#options;
    const since = `since ${new Date(standing.sentMs).toISOString()} by ${standing.by}`;
    if (untilEnd) {
      logger.warn(`runs to the end all the same, though ${pipeline} is paused ${since}: its other members stay so`);
      return;
    }
    logger.warn(`starts paused, as the pipeline is ${since}: anomaly control resume ${pipeline} lets it go on`);
    onCommand(standing);
  }

  /** The pause that holds, of what the topic still keeps; sets where to go on after it. */
  async #standing(over: AbortSignal): Promise<ControlCommand | undefined> {
    const { client, pipeline } = this.#options;
    const place = { topic: controlTopic(pipeline), partition: 0 };
    let position = await this.#offset('earliest');
    const end = await this.#offset('latest');
    if (over.aborted) return undefined;
    this.#position = end;
    if (position >= end) return undefined;
    const consumer = await client.createConsumer({ maxWaitMs: WAIT_MS, isolation: 'read_uncommitted' });
    let standing: ControlCommand | undefined;
    try {
      await consumer.assign([{ ...place, offset: position }]);
      while (position < end && !over.aborted) {
        const batch = await consumer.poll(POLL_MS);
        // Of what is no command, those were told who ran when it came.
        for (const { offset, command } of batch === null ? [] : this.#commands(batch, false)) {
          if (offset >= end) break;
          this.#former.add(command.id);
          if (command.command === 'pause') standing = command;
          else if (command.command === 'resume') standing = undefined;
        }
        position = consumer.position(place.topic, place.partition);
      }
    } finally {
      await consumer.close().catch(() => {});
    }
    return standing;
  }

  async #offset(at: 'earliest' | 'latest'): Promise<number> {
    const place = { topic: controlTopic(this.#options.pipeline), partition: 0 };
    const [found] = await this.#options.client.admin.listOffsets([place], at);
    return Math.max(0, found?.offset ?? 0);
  }

  async #follow(): Promise<void> {
    const { client, logger, pause, pipeline } = this.#options;
    const topic = controlTopic(pipeline);
    let isFailing = false;
    while (!this.#stop.signal.aborted) {
      let consumer: Consumer | undefined;
      try {
        const offset = typeof this.#position === 'number' ? this.#position : await this.#offset(this.#position);
        this.#position = offset;
        consumer = await client.createConsumer({ maxWaitMs: WAIT_MS, isolation: 'read_uncommitted' });
        await consumer.assign([{ topic, partition: 0, offset }]);
        while (!this.#stop.signal.aborted) {
          await this.#poll(consumer);
          isFailing = false;
        }
      } catch (error) {
        if (isAnomalyError(error) && OVER.has(error.code)) this.#position = 'earliest';
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
    if (batch === null) {
      this.#checkEnd(consumer);
      return;
    }
    for (const { command } of this.#commands(batch, true)) {
      if (!this.#former.has(command.id)) this.#options.onCommand(command);
    }
    this.#position = batch.nextOffset;
  }

  /** Not every broker refuses a position above the end. */
  #checkEnd(consumer: Consumer): void {
    const topic = controlTopic(this.#options.pipeline);
    const position = consumer.position(topic, 0);
    const end = consumer.endOffset(topic, 0);
    if (end < 0 || end >= position) return;
    throw new AnomalyError('ANM_OFFSET_OUT_OF_RANGE', `it ends at ${end}, before offset ${position}, which is next`);
  }

  /** Those of a batch that are for this group. */
  *#commands(
    batch: ColumnBatch,
    warns: boolean,
  ): Generator<{ readonly offset: number; readonly command: ControlCommand }> {
    const { group, logger } = this.#options;
    for (let i = 0; i < batch.count; i++) {
      const start = batch.valueStart[i]!;
      const value = start < 0 ? new Uint8Array(0) : batch.bytes.subarray(start, batch.valueEnd[i]);
      const command = decodeCommand(value);
      if ('problem' in command) {
        if (warns) logger.warn(`left out ${batch.topic} offset ${batch.offsets[i]} as ${command.problem}`);
      } else if (command.group === null || command.group === group) {
        yield { offset: batch.offsets[i]!, command };
      }
    }
  }
}

/** Errors after which the topic is another, or its beginning is gone. */
const OVER: ReadonlySet<string> = new Set(['ANM_OFFSET_OUT_OF_RANGE', 'ANM_TOPIC_MISSING']);
/** The broker answers as soon as a command is there; a short poll lets the reader end soon. */
const WAIT_MS = 500;
const POLL_MS = 100;
const RETRY_MS = 1000;
/** Far more than a week of commands takes; nobody waits longer for a broker that does not answer. */
const CATCH_UP_MS = 5000;
