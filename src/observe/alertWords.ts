/** Words for alerts of rules whose numbers are no values of a sensor, shared by incidents and by `anomaly explain`. */

/** What is worded, of an alert or of a member of an incident. */
export interface WordedAlert {
  readonly rule: string;
  /** Of silence and late values: milliseconds, as what was expected. */
  readonly value: number | null;
  readonly expected: number | null;
  /** Name of the part that says most; null where that is not known. */
  readonly part: string | null;
}

/** Whether what is told is that no value came: such an alert spans the silence, and its numbers are milliseconds. */
export function isSilence({ rule }: { readonly rule: string }): boolean {
  return rule.startsWith('missing@');
}

/** What a series has done, to follow its name: "has sent nothing for 69 s"; null where value and score say it best. */
export function deedOf({ rule, value, expected, part }: WordedAlert): string | null {
  if (value === null) return null;
  const watch = rule.slice(0, rule.indexOf('@'));
  if (isSilence({ rule })) {
    const usual = expected === null ? '' : ` (usually every ${spanWords(expected)})`;
    return part === 'late'
      ? `has sent a value only every ${spanWords(value)}${usual}`
      : `has sent nothing for ${spanWords(value)}${usual}`;
  }
  const field = rule.slice(rule.indexOf('@') + 1);
  if (watch === 'flat') return `has stayed at ${field} ${digits(value)}`;
  if (expected === null || (watch !== 'shift' && watch !== 'drift')) return null;
  const verb = watch === 'shift' ? 'has shifted' : 'has drifted';
  return `${verb} in ${field}: ${digits(value)} now, where ${digits(expected)} is usual`;
}

/** 69 s, 12 min, 3.5 h: for sentences. */
export function spanWords(spanMs: number): string {
  if (spanMs < 1000) return `${digits(spanMs)} ms`;
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, 'days'],
    [3_600_000, 'h'],
    [60_000, 'min'],
  ];
  const [unitMs, name] = units.find(([each]) => spanMs >= 2 * each) ?? [1000, 's'];
  const value = spanMs / unitMs;
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} ${name}`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
