import type { Consumer } from '../../clients/client.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { PartitionAtWork } from '../partitionAtWork.ts';
import type { CommandedVerdict, ControlCommand } from './command.ts';
import type { ControlQueue } from './controlQueue.ts';

/** What a run does for a command. */
export interface ControlActions {
  readonly consumer: Pick<Consumer, 'pause' | 'resume' | 'seek' | 'position'>;
  readonly logger: Logger;
  /** The partitions that the member has now, but those whose state is still on its way: batches of them do not count. */
  partitions(): readonly CommandedPartition[];
  /** Why a savepoint would not hold what the member is to have; undefined where it would. */
  waitsFor(): string | undefined;
  /** Milliseconds of a clock that only goes forward. */
  ticks(): number;
  /** Notes in the journal of each partition, with the next commit, that the command took effect at its position. */
  journal(command: ControlCommand): void;
  /** Keeps the states of all partitions under this name, while processing goes on; resolves when all of it counts. */
  savepoint(name: string): Promise<string>;
  /** Lets the series take an operator's verdict; resolves with what came of it, once it is committed. */
  feedback(verdict: CommandedVerdict): Promise<string>;
  /** Loads a model and asks it from then on; resolves with what it is called, once that is committed. */
  promote(uri: string, by: string): Promise<string>;
  /** Drains, commits and ends the run. */
  stop(): void;
}

/** Where a partition is: what a pause has to know of it. */
export type CommandedPartition = TopicPartition & Pick<PartitionAtWork, 'position' | 'suppressBelow' | 'isReplaying'>;

/** Applies the commands of a member between two batches of its run. */
export class RunControl {
  readonly #queue: ControlQueue;
  readonly #actions: ControlActions;
  #pending: Promise<void> | undefined;
  #isOver = false;
  /** When a savepoint that is next began to wait. */
  #waitingSinceMs: number | undefined;

  constructor(queue: ControlQueue, actions: ControlActions) {
    this.#queue = queue;
    this.#actions = actions;
  }

  get isPaused(): boolean {
    return this.#queue.isPaused;
  }

  /**
   * Takes the commands that have come; nothing to wait for where there is none. While a savepoint is being stored
   * processing goes on, and later commands wait for it. It begins when the member has its partitions and their states.
   */
  turn(): void {
    for (let next = this.#queue.next; this.#pending === undefined && next !== undefined; next = this.#queue.next) {
      const needsState = next.name !== null || next.verdict !== undefined;
      const reason = needsState ? this.#actions.waitsFor() : undefined;
      if (reason !== undefined && this.#mayWait(next)) return;
      this.#waitingSinceMs = undefined;
      if (reason === undefined) this.#begin(next);
      else this.#failed(next, [], new AnomalyError('ANM_CONTROL', `cannot ${textOf(next)} as ${reason}`));
    }
  }

  /** The run has failed: what was not answered is left to the next one. */
  end(): void {
    this.#isOver = true;
  }

  #mayWait(command: ControlCommand): boolean {
    const { waitMs = WAIT_MS } = command;
    const nowMs = this.#actions.ticks();
    if (this.#waitingSinceMs === undefined) {
      this.#waitingSinceMs = nowMs;
      this.#actions.logger.debug(`${textOf(command)} waits for up to ${waitMs} ms as ${this.#actions.waitsFor()}`);
    }
    return nowMs - this.#waitingSinceMs < waitMs;
  }

  #begin(command: ControlCommand): void {
    const offsets = this.#positions();
    const name = command.name === null ? '' : ` ${command.name}`;
    this.#actions.logger.info(`control: ${command.command}${name} by ${command.by}`, { id: command.id });
    try {
      const savepoint = this.#apply(command);
      if (savepoint === undefined) this.#queue.answer(offsets);
      else this.#pending = this.#finish(command, offsets, savepoint);
    } catch (error) {
      this.#failed(command, offsets, error);
    }
  }

  async #finish(
    command: ControlCommand,
    offsets: readonly TopicPartitionOffset[],
    counts: Promise<string>,
  ): Promise<void> {
    try {
      const result = await counts;
      if (this.#isOver) return;
      this.#queue.answer(offsets, { result });
      if (command.command === 'stop') this.#actions.stop();
    } catch (error) {
      if (!this.#isOver) this.#failed(command, offsets, error);
    } finally {
      this.#pending = undefined;
    }
  }

  /** The command failed, not the pipeline: a stop whose savepoint failed does not stop it. */
  #failed(command: ControlCommand, offsets: readonly TopicPartitionOffset[], error: unknown): void {
    this.#actions.logger.warn(`cannot carry out control command ${command.command}: ${(error as Error).message}`);
    this.#queue.answer(offsets, { error });
  }

  /**
   * True for a batch that came with a new assignment while the member is paused: it goes back, to be read on resume. Up to
   * the commit records are run all the same, as they bring the state back and put out nothing: a batch is cut there.
   */
  holds(batch: ColumnBatch): boolean {
    if (!this.isPaused) return false;
    const { topic, partition } = batch;
    const at = this.#actions.partitions().find((each) => each.partition === partition && each.topic === topic);
    if (at === undefined || batch.nextOffset <= at.suppressBelow) return false;
    // A batch may begin before it, where a state was cut in the middle of one.
    this.#actions.consumer.seek({ topic, partition, offset: Math.max(at.position, at.suppressBelow) });
    this.#actions.consumer.pause([at]);
    if (!at.isReplaying) return true;
    while (batch.count > 0 && batch.offsets[batch.count - 1]! >= at.suppressBelow) batch.count--;
    batch.nextOffset = at.suppressBelow;
    return false;
  }

  /** What the answer has to wait for, where that is a savepoint. */
  #apply(command: ControlCommand): Promise<string> | undefined {
    const { journal, stop, savepoint, partitions, feedback } = this.#actions;
    // A verdict has a record of its own, which changes the state.
    if (command.verdict !== undefined) return feedback(command.verdict);
    if (command.model !== undefined) return this.#actions.promote(command.model, command.by);
    journal(command);
    if (command.name !== null) return savepoint(command.name);
    if (command.command === 'pause') {
      this.#queue.isPaused = true;
      this.#actions.consumer.pause(partitions().filter(({ isReplaying }) => !isReplaying));
    } else if (command.command === 'resume') {
      this.#queue.isPaused = false;
      // Whichever of them are held: some may have come since, and some are back from a restart.
      this.#actions.consumer.resume(partitions());
    } else {
      stop();
    }
    return undefined;
  }

  #positions(): TopicPartitionOffset[] {
    return this.#actions.partitions().map(({ topic, partition }) => {
      return { topic, partition, offset: this.#actions.consumer.position(topic, partition) };
    });
  }
}

function textOf({ command, name }: ControlCommand): string {
  if (command === 'feedback') return 'take the verdict';
  if (command === 'promote') return 'promote the model';
  return name === null ? command : `take savepoint ${name}`;
}

/** Where the sender does not say how long. */
const WAIT_MS = 30_000;
