import { AnomalyError } from '../../errors.ts';

/** What an alias points at, and what it pointed at before. */
export interface AliasState {
  readonly name: string;
  readonly alias: string;
  /** Null where the alias was taken away. */
  readonly version: string | null;
  /** What a rollback goes back to, newest first. */
  readonly previous: readonly string[];
  readonly kind: AliasChange['kind'];
  /** Of the change: never given twice. */
  readonly id: string;
  /** user@host; empty where another tool set it. */
  readonly by: string;
  /** ISO 8601; empty where another tool set it. */
  readonly at: string;
}

export interface AliasChange {
  readonly name: string;
  readonly alias: string;
  /** Null takes the alias away. */
  readonly version: string | null;
  readonly kind: 'promote' | 'rollback' | 'remove';
  /** The version that the alias has to be at, null for none; absent: whatever it is when the change is begun. */
  readonly expect?: string | null;
}

/** A hundred rollbacks in a row are further than anyone goes back. */
const MOST_PREVIOUS = 100;

/** The state after a change: a promotion remembers what it replaces, a rollback forgets what it leaves. */
export function nextState(
  current: AliasState | undefined,
  { name, alias, version, kind }: AliasChange,
  { id, by, at }: Pick<AliasState, 'id' | 'by' | 'at'>,
): AliasState {
  const before = current?.previous ?? [];
  const replaced = current?.version ?? null;
  const previous =
    kind === 'rollback'
      ? before.slice(version === null ? 0 : before.indexOf(version) + 1)
      : replaced === null || replaced === version
        ? before
        : [replaced, ...before].slice(0, MOST_PREVIOUS);
  return { name, alias, version, previous, kind, id, by, at };
}

/** @throws ANM_MODEL_CONFLICT where the alias is not at what the change expects */
export function requireExpected(change: AliasChange, current: AliasState | undefined): void {
  const { expect } = change;
  if (expect === undefined || expect === (current?.version ?? null)) return;
  throw conflict(change, expect, current);
}

/** Names both sides: what was expected, what is there, who set it and when. */
export function conflict(
  { name, alias, version }: AliasChange,
  expected: string | null,
  actual: AliasState | undefined,
): AnomalyError {
  const wanted = version === null ? `take away ${name}@${alias}` : `set ${name}@${alias} to version ${version}`;
  const is = actual?.version == null ? 'there is no such alias' : `it is version ${actual.version}`;
  const setBy = actual === undefined || actual.by === '' ? '' : `, set by ${actual.by} at ${actual.at}`;
  const not = expected === null ? 'and none was expected' : `not version ${expected}`;
  const reason =
    actual?.version == null ? `${is}${setBy}, and version ${expected} was expected` : `${is}${setBy}, ${not}`;
  return new AnomalyError('ANM_MODEL_CONFLICT', `cannot ${wanted} as ${reason}`, {
    details: {
      model: name,
      alias,
      expected,
      actual: actual?.version ?? null,
      set_by: actual?.by ?? null,
      set_at: actual?.at ?? null,
    },
  });
}
