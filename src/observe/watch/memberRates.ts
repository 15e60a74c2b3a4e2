import { type MemberStatus, type StatusTotals, scoredByAny } from '../status.ts';

/** Per second, between two statuses of a member that differ in what they count. */
export interface MemberRates {
  readonly records: number | null;
  readonly windows: number | null;
  readonly alerts: number | null;
  readonly outputs: number | null;
  /** Values that the model was asked for. */
  readonly asked: number | null;
  /** Of them those that it, or its stand-in, scored; null where no model is asked. */
  readonly scored: number | null;
  /** Values without a score, by why; empty where no model is asked. */
  readonly fallbacks: Readonly<Record<string, number>>;
}

export const NO_RATES: MemberRates = {
  ...{ records: null, windows: null, alerts: null, outputs: null, asked: null, scored: null, fallbacks: {} },
};

/** Statuses that come closer together than this tell no rate: one record more or less would be a jump. */
const LEAST_MS = 250;

/** The rates since a former status of the same member; undefined while too little time is between them. */
export function ratesBetween(before: MemberStatus, now: MemberStatus): MemberRates | undefined {
  const elapsedMs = now.atMs - before.atMs;
  if (elapsedMs < LEAST_MS) return undefined;
  // Another life of the member counts from nothing.
  const isSameLife = before.startedMs === now.startedMs;
  const per = (count: (status: MemberStatus) => number): number => {
    const gained = count(now) - (isSameLife ? count(before) : 0);
    return Math.max(0, (gained * 1000) / elapsedMs);
  };
  const total = (of: (totals: StatusTotals) => number) => per(({ totals }) => of(totals));
  return {
    records: total(({ records }) => records),
    windows: total(({ windows }) => windows),
    alerts: total(({ alerts }) => alerts),
    outputs: total(({ windows, alerts, late, deadLetters }) => windows + alerts + late + deadLetters),
    asked: now.model === null ? null : per(({ model }) => model?.asked ?? 0),
    scored: now.model === null ? null : per(({ model }) => (model === null ? 0 : scoredByAny(model))),
    fallbacks: Object.fromEntries(
      Object.keys(now.model?.fallbacks ?? {}).map((reason) => [
        reason,
        per(({ model }) => model?.fallbacks[reason] ?? 0),
      ]),
    ),
  };
}
