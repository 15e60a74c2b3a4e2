/** Durations in Go's notation, with d and w added: 250ms, 5s, 1h30m, 7d. */
const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const PART = /(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w)/y;

/** Milliseconds, or null when the text is no duration. A bare number has no unit and is refused, except 0. */
export function parseDuration(text: string): number | null {
  const negative = text.startsWith('-');
  const body = negative ? text.slice(1) : text;
  if (body === '0') return 0;
  if (body === '') return null;
  let sum = 0;
  PART.lastIndex = 0;
  let at = 0;
  while (at < body.length) {
    const part = PART.exec(body);
    if (part === null) return null;
    sum += Number(part[1]) * UNIT_MS[part[2]!]!;
    at = PART.lastIndex;
  }
  return negative ? -sum : sum;
}

const STEPS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
];

/** The shortest text that parses back to the same number of milliseconds: 90000 -> 1m30s, 300000 -> 5m. */
export function formatDuration(durationMs: number): string {
  if (durationMs === Infinity) return 'off';
  if (durationMs === 0) return '0s';
  if (durationMs < 0) return `-${formatDuration(-durationMs)}`;
  let rest = durationMs;
  let text = '';
  for (const [unit, sizeMs] of STEPS) {
    const count = Math.floor(rest / sizeMs);
    if (count === 0) continue;
    text += `${count}${unit}`;
    rest -= count * sizeMs;
  }
  return rest === 0 ? text : `${text}${Number(rest.toFixed(6))}ms`;
}
