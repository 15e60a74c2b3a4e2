import type { Exceedance, Hold, Member, SeverityRule } from './incident.ts';
import { memberSeverity, sideOf } from './incident.ts';
import { expectedPeak, type Profile } from './seasonalGate.ts';
import type { Silences } from './silences.ts';

export interface HoldRules {
  readonly pipeline: string;
  readonly kind: 'anomaly' | 'breach';
  readonly minDurationMs: number;
  readonly seasonal: boolean;
  readonly severity: SeverityRule;
  /** Names of calendars, and of each the start and end of its spans in turn, epoch milliseconds, ascending. */
  readonly maintenance: readonly string[];
  readonly maintenanceSpans: readonly Float64Array[];
  readonly silences: Silences;
  /** Event time for which a rule alerts no second time. */
  readonly refractoryMs: (rule: string) => number;
}

/** An exceedance, and of which series and rule it is. */
type Named = Exceedance & Pick<Member, 'series' | 'rule'>;

/** Why nobody is to be told of an exceedance at this event time; null where nothing keeps it. The first reason counts. */
export function holdOf(member: Named, profile: Profile, atMs: number, rules: HoldRules): Hold | null {
  const { startMs, score } = member;
  for (const [c, spans] of rules.maintenanceSpans.entries()) {
    const untilMs = endOfSpan(spans, atMs);
    if (untilMs === undefined) continue;
    return { outcome: 'maintenance', reason: `calendar ${rules.maintenance[c]}`, untilMs };
  }
  const silence = silenceOf(member, atMs, rules);
  if (silence !== undefined) {
    const said = silence.comment === '' ? '' : `: ${silence.comment}`;
    return { outcome: 'silenced', reason: `silence ${silence.id} by ${silence.by}${said}`, untilMs: silence.endsMs };
  }
  if (rules.kind === 'breach') return null;
  if (rules.seasonal && score !== null) {
    const expected = expectedPeak(profile, { startMs, score, side: sideOf(member) });
    if (expected !== null && atMs < expected.untilMs) return { outcome: 'held_seasonal', ...expected };
  }
  const { minDurationMs } = rules;
  if (lastedMs(member, atMs) >= minDurationMs) return null;
  // A rule that neither tells an end nor alerts again in that time could never show that it lasts.
  if (!member.tellsEnd && rules.refractoryMs(member.rule) >= minDurationMs) return null;
  const reason = `it has to last ${minDurationMs / 1000} s (alerts.min_duration)`;
  return { outcome: 'held_short', reason, untilMs: member.tellsEnd ? startMs + minDurationMs : null };
}

/** The silence that holds for an exceedance; undefined where none does. */
export function silenceOf(member: Named, atMs: number, { pipeline, kind, severity, silences }: HoldRules) {
  const { series, rule } = member;
  return silences.of({ series, rule, pipeline, kind, severity: memberSeverity(member, severity) }, atMs);
}

/** Of a rule that tells no end only its alerts show that it lasts. */
function lastedMs({ startMs, lastMs, endMs, tellsEnd }: Exceedance, atMs: number): number {
  return (endMs ?? (tellsEnd ? Math.max(atMs, lastMs) : lastMs)) - startMs;
}

/** The end of the span that holds the time; undefined where none does. */
function endOfSpan(spans: Float64Array, timeMs: number): number | undefined {
  let [low, high] = [0, spans.length / 2];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (spans[2 * middle + 1]! <= timeMs) low = middle + 1;
    else high = middle;
  }
  return 2 * low < spans.length && spans[2 * low]! <= timeMs ? spans[2 * low + 1]! : undefined;
}
