import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { AppliedCommand } from '../../observe/status.ts';
import { statusError } from '../status/memberBoard.ts';
import type { ControlCommand } from './command.ts';

/**
 * Commands on their way into a member's run, and its answers. It lives as long as the member, so that a command which a
 * failure cut short is taken up again by the run that follows, and a pause holds over a restart.
 */
export class ControlQueue {
  /** Told to read nothing until it is resumed. */
  isPaused = false;
  readonly #waiting: ControlCommand[] = [];
  readonly #seen = new Set<string>();
  readonly #now: () => number;
  #applied: AppliedCommand[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A command that was there before is not taken twice. */
  push(command: ControlCommand): void {
    if (this.#seen.has(command.id)) return;
    this.#seen.add(command.id);
    this.#waiting.push(command);
  }

  /** The next one; it stays until it is answered. */
  get next(): ControlCommand | undefined {
    return this.#waiting[0];
  }

  /** What came of the next command, with where each partition was when it took effect. */
  answer(offsets: readonly TopicPartitionOffset[], outcome: { result?: string; error?: unknown } = {}): void {
    const command = this.#waiting.shift();
    if (command === undefined) return;
    const { id, command: verb } = command;
    const error = outcome.error === undefined ? null : statusError(outcome.error);
    const answered = { id, command: verb, atMs: this.#now(), offsets, result: outcome.result ?? null, error };
    this.#applied = [...this.#applied, answered].slice(-KEPT);
  }

  get applied(): readonly AppliedCommand[] {
    return this.#applied;
  }
}

/** Answers that a status carries. */
const KEPT = 8;
