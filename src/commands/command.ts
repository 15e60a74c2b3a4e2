import type { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { Settings } from '../config/settings.ts';
import type { Logger } from '../output/logger.ts';
import type { Output } from '../output/output.ts';
import type { Progress } from '../output/progress.ts';

/** A command is a value. One registry of them (registry.ts) feeds commander, help, completion, README and snapshots. */
export interface Command {
  /** One word, or two for a sub-command: 'schema ls'. */
  readonly name: string;
  readonly group: 'Pipeline' | 'Inspect' | 'Setup';
  /** One line, no final period. */
  readonly summary: string;
  /** Longer text under the summary in help. */
  readonly description?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** At least two; each runs as it stands. */
  readonly examples: readonly Example[];
  /** Runs even when the configuration has problems; they are in settings.problems. */
  readonly takesBrokenSettings?: boolean;
  /** The result is the exit code; failures are thrown as AnomalyError. Heavy modules are imported inside. */
  run(context: CommandContext): Promise<number>;
}

export interface Example {
  readonly command: string;
  readonly comment: string;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly summary: string;
  readonly required?: boolean;
  readonly variadic?: boolean;
  /** The key of the configuration that this argument sets. */
  readonly key?: string;
  /** Values that completion offers. */
  readonly choices?: readonly string[];
}

export interface OptionSpec {
  /** Commander's grammar: '-p, --partition <n>', '--watch', '--no-color'. */
  readonly flags: string;
  readonly summary: string;
  /**
   * The key of the configuration that this flag sets, as `windows` or `checkpoint.every`; see config/settingsTable.ts.
   * `config` stands for the path of anomaly.yaml itself.
   */
  readonly key?: string;
  readonly type?: 'string' | 'integer' | 'number' | 'duration' | 'boolean' | 'list';
  readonly choices?: readonly string[];
  /** Shown in help; the value itself comes from the settings table when `key` is given. */
  readonly default?: string | number | boolean;
  readonly repeatable?: boolean;
  /** Goes before the text where it sets the key: 'file:' makes a path of it. */
  readonly prefix?: string;
  readonly hidden?: boolean;
}

export interface CommandContext {
  readonly args: readonly string[];
  /** Parsed flags by camelCase name: durations in milliseconds, integers checked; undefined when not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly settings: Settings;
  readonly stdin: Readable & { isTTY?: boolean };
  readonly stdout: Writable & { isTTY?: boolean; columns?: number };
  readonly stderr: Writable & { isTTY?: boolean; columns?: number };
  readonly output: Output;
  readonly logger: Logger;
  /** First SIGINT or SIGTERM: drain, commit, say so. A second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds; injected so that tests rule time. */
  readonly now: () => number;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A status line on stderr that -q silences. */
  readonly progress: Progress;
  /** Whether the command may ask: a terminal on stdin, no --no-input, not in CI. */
  readonly interactive: boolean;
  readonly quiet: boolean;
  /** As in ProcessIo. */
  readonly crash: (() => void) | undefined;
}

/** What a process gives to a command; tests give their own. */
export interface ProcessIo {
  readonly stdin: Readable & { isTTY?: boolean };
  readonly stdout: Writable & { isTTY?: boolean; columns?: number };
  readonly stderr: Writable & { isTTY?: boolean; columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  /** Ends the process at once, as kill -9 does: for crash points that a user asks for. */
  readonly crash?: () => void;
}
