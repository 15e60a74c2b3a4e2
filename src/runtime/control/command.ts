/** A record of <pipeline>.control. */
export interface ControlCommand {
  /** Names it in status and journal; drawn by the sender. */
  readonly id: string;
  readonly command: ControlVerb;
  /** Of a savepoint, or of the savepoint that a stop takes first. */
  readonly name: string | null;
  /** Members of this group only; null for every group of the pipeline. */
  readonly group: string | null;
  /** Epoch milliseconds by the sender's clock. */
  readonly sentMs: number;
  /** user@host, for people. */
  readonly by: string;
  /** The model that is to be asked, as score.model.uri names one. */
  readonly model?: string;
  /** What an operator says of an alert. */
  readonly verdict?: CommandedVerdict;
  /** How long a savepoint may wait for a member to have its partitions and their states; absent: half a minute. */
  readonly waitMs?: number;
}

/** A verdict on an alert, with what finds the series that it is of. */
export interface CommandedVerdict {
  /** Its id. */
  readonly alert: string;
  readonly rule: string;
  readonly series: string;
  /** Of the source. */
  readonly partition: number;
  /** Start of the alert, whole milliseconds. */
  readonly timeMs: number;
  readonly isTrue: boolean;
}

export const CONTROL_VERBS = ['savepoint', 'pause', 'resume', 'stop', 'feedback', 'promote'] as const;
export type ControlVerb = (typeof CONTROL_VERBS)[number];

const VERSION = 1;

export function encodeCommand({
  id,
  command,
  name,
  group,
  sentMs,
  by,
  waitMs,
  verdict,
  model,
}: ControlCommand): Uint8Array {
  const { timeMs, isTrue, ...of } = verdict ?? {};
  const said = verdict === undefined ? undefined : { ...of, time_ms: timeMs, is_true: isTrue };
  const record = {
    version: VERSION,
    id,
    command,
    name,
    group,
    sent_ms: sentMs,
    by,
    wait_ms: waitMs,
    verdict: said,
    model,
  };
  return new TextEncoder().encode(JSON.stringify(record));
}

/** A command, or why the record is none. */
export function decodeCommand(value: Uint8Array): ControlCommand | { readonly problem: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch {
    return { problem: 'it is not JSON' };
  }
  if (typeof parsed !== 'object' || parsed === null) return { problem: 'it is no JSON object' };
  const record = parsed as Record<string, unknown>;
  if (record['version'] !== VERSION) return { problem: `its version is ${String(record['version'])}, not ${VERSION}` };
  const { id, command } = record;
  if (typeof id !== 'string' || id === '') return { problem: 'it has no id' };
  const verb = CONTROL_VERBS.find((each) => each === command);
  if (verb === undefined) return { problem: `it has the command ${String(command)}` };
  const name = textOrNull(record['name']);
  if ((verb === 'savepoint' && name === null) || (name !== null && !isSavepointName(name)))
    return { problem: 'its savepoint has no name that a store takes' };
  const verdict = verdictOf(record['verdict']);
  if (verb === 'feedback' && verdict === undefined) return { problem: 'its feedback has no whole verdict' };
  const model = textOrNull(record['model']);
  if (verb === 'promote' && model === null) return { problem: 'its promote names no model' };
  return {
    id,
    command: verb,
    name: verb === 'savepoint' || verb === 'stop' ? name : null,
    group: textOrNull(record['group']),
    sentMs: typeof record['sent_ms'] === 'number' ? record['sent_ms'] : 0,
    by: textOrNull(record['by']) ?? '',
    ...(typeof record['wait_ms'] === 'number' && { waitMs: record['wait_ms'] }),
    ...(verb === 'feedback' && { verdict: verdict! }),
    ...(verb === 'promote' && { model: model! }),
  };
}

function verdictOf(value: unknown): CommandedVerdict | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { alert, rule, series, partition, time_ms: timeMs, is_true: isTrue } = value as Record<string, unknown>;
  const isWhole =
    typeof alert === 'string' &&
    typeof rule === 'string' &&
    typeof series === 'string' &&
    typeof partition === 'number' &&
    typeof timeMs === 'number' &&
    typeof isTrue === 'boolean';
  return isWhole ? { alert, rule, series, partition, timeMs, isTrue } : undefined;
}

/** What may stand in the name of a file in any store. */
export function isSavepointName(name: string): boolean {
  // `latest` means the newest of each partition wherever a checkpoint is named.
  return name !== 'latest' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name);
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
