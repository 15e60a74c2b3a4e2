import type { SinkStatus } from './status.ts';

/** How an incident is at one sink. */
export interface ToldSink {
  readonly name: string;
  /** Of its delivery record; `waiting` where the newest revision has none yet, `failing` where the sink fails meanwhile. */
  readonly outcome: string;
  /** Epoch milliseconds: of the record, or of the sink's last failure. */
  readonly atMs: number | null;
  readonly problem: string | null;
  /** Newest revision that the sink is done with; absent where it has no record. */
  readonly revision?: number;
}

/** What the delivery records and the states of the live sinks say of an incident together, by name of the sink. */
export function toldSinks(
  { revision, isTold }: { readonly revision: number; readonly isTold: boolean },
  recorded: readonly ToldSink[],
  sinks: readonly SinkStatus[],
): readonly ToldSink[] {
  const isBehind = (each: ToldSink) => each.revision !== undefined && each.revision < revision;
  const missing = sinks.filter(({ name }) => !recorded.some((each) => each.name === name));
  if (!isTold || (missing.length === 0 && !recorded.some(isBehind))) return recorded;
  const waiting = (name: string): ToldSink => {
    const status = sinks.find((each) => each.name === name);
    return status?.problem == null
      ? { name, outcome: 'waiting', atMs: null, problem: null }
      : { name, outcome: 'failing', atMs: status.lastFailureMs, problem: status.problem };
  };
  const known = recorded.map((each) =>
    isBehind(each) ? { ...waiting(each.name), revision: each.revision as number } : each,
  );
  return [...known, ...missing.map(({ name }) => waiting(name))].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One word for all sinks, the worst that happens, and the sinks that it is of; null where no sink is known. */
export function worstOf(sinks: readonly ToldSink[]): { readonly outcome: string; readonly names: string[] } | null {
  const rank = ({ outcome }: ToldSink) => {
    const at = WORST_FIRST.indexOf(outcome);
    return at < 0 ? WORST_FIRST.length - 2 : at;
  };
  const first = [...sinks].sort((a, b) => rank(a) - rank(b))[0];
  if (first === undefined) return null;
  const names = sinks.filter(({ outcome }) => outcome === first.outcome).map(({ name }) => name);
  return { outcome: first.outcome, names };
}

const WORST_FIRST: readonly string[] = [
  'failed',
  'failing',
  'waiting',
  'too_old',
  'rate_limited',
  'skipped',
  'delivered',
];
