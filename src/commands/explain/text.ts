import { isSilence } from '../../observe/alertWords.ts';
import { formatSpan, formatTime } from '../../output/format.ts';
import type { AnomalyObject } from '../../runtime/output/rowObjects.ts';
import { scoredBy } from './values.ts';

/** What the detectors' parts mean. */
const PARTS: Readonly<Record<string, string>> = {
  diff: 'the step from the value before',
  seasonal: 'the distance to what is usual at this time',
  ctx: 'the same, against its own recent mean',
  lasting: 'a deviation from what is usual that lasts',
  range: 'how far outside of all that was seen, or of the given range',
  limits: 'outside of the configured valid range',
  mad: 'the distance to the median of the values before',
  ewma: 'a mean of the last values that moved away',
  z: 'standard deviations from the mean of the values before',
  silence: 'how many usual intervals the series was silent for',
  late: 'how many usual intervals passed between two values, eight times in a row',
  run: 'a run of equal values, longer than is usual',
  up: 'hourly means above what is usual, added up',
  down: 'hourly means below what is usual, added up',
  distance: 'how far the series is from its group',
  model: 'what the model makes of it',
  shape: 'how far the last values are from every earlier stretch like them',
};

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
const [MINUTE_MS, DAY_MS] = [60_000, 86_400_000];

export interface ExplainedPart {
  readonly name: string;
  readonly score: number | null;
  readonly meaning: string | null;
}

/** The highest first; those that were learning or muted last. */
export function explainedParts({ parts }: AnomalyObject): ExplainedPart[] {
  return parts
    .map(({ name, score }) => ({ name, score, meaning: PARTS[name] ?? null }))
    .sort((a, b) => (b.score ?? -Infinity) - (a.score ?? -Infinity));
}

/** Monday 10:15 UTC; null where the detector compared with no season slot. */
export function seasonText({ season_ms: season }: AnomalyObject): string | null {
  if (season === null || season === undefined) return null;
  const ofDay = season % DAY_MS;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${DAYS[Math.floor(season / DAY_MS)]} ${two(ofDay / 60 / MINUTE_MS)}:${two((ofDay / MINUTE_MS) % 60)} UTC`;
}

/** What happened, in sentences. */
export function explainedInWords(alert: AnomalyObject): string {
  return [
    whatSentence(alert),
    expectedSentence(alert),
    scoreSentence(alert),
    partSentence(alert),
    seasonSentence(alert),
    pastSentence(alert),
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

/** How the alert's value, and what was expected of it, are shown. */
export function shownBy(alert: AnomalyObject): (value: number) => string {
  return isSilence(alert) ? formatSpan : shown;
}

function whatSentence(alert: AnomalyObject): string {
  const { series, field, value, start, end } = alert;
  if (isSilence(alert)) {
    const usual = alert.expected === null ? '' : `, where one usually comes every ${formatSpan(alert.expected)}`;
    return start === end
      ? `${series}: values of ${field} came every ${formatSpan(value)} at ${formatTime(start)}${usual}.`
      : `${series}: no value of ${field} from ${formatTime(start)} to ${formatTime(end)}, ${formatSpan(value)}${usual}.`;
  }
  const scored = scoredBy(alert);
  const what = scored.kind === 'window' ? `${scored.of} of ${field}` : scored.kind === 'feature' ? scored.name : field;
  const when = start === end ? `at ${formatTime(start)}` : `from ${formatTime(start)} to ${formatTime(end)}`;
  return `${series}: ${what} was ${shown(value)} ${when}.`;
}

function expectedSentence(alert: AnomalyObject): string {
  const { value, expected, lower, upper } = alert;
  if (isSilence(alert)) return upper === null ? '' : `${formatSpan(upper)} are told.`;
  const band = lower === null && upper === null ? '' : isInside(alert) ? insideText(alert) : outsideText(alert);
  if (expected === null) return band === '' ? '' : `${band[0]!.toUpperCase()}${band.slice(1)}.`;
  const distance = value - expected;
  const size = shown(Math.abs(distance));
  const share = expected === 0 ? '' : ` (${Math.round((100 * Math.abs(distance)) / Math.abs(expected))} %)`;
  const side = distance === 0 ? 'just what' : `${size}${share} ${distance > 0 ? 'above' : 'below'} what`;
  return `That is ${side} was expected, ${shown(expected)}${band === '' ? '' : `; ${band}`}.`;
}

function outsideText({ lower, upper }: AnomalyObject): string {
  return `${bandText(lower, upper)} would not have alerted`;
}

/** The band is of the part that expects a value; the score is a mean of several, so another may carry the alert. */
function insideText({ lower, upper }: AnomalyObject): string {
  return `it lies within the band of that, ${bandText(lower, upper)}: another part made it alert`;
}

function isInside({ value, lower, upper }: AnomalyObject): boolean {
  return (lower === null || value >= lower) && (upper === null || value <= upper);
}

function bandText(lower: number | null, upper: number | null): string {
  if (lower === null) return `a value up to ${shown(upper!)}`;
  return upper === null ? `a value from ${shown(lower)} on` : `a value from ${shown(lower)} to ${shown(upper)}`;
}

function scoreSentence(alert: AnomalyObject): string {
  const { score, threshold, threshold_origin, configured_threshold, rule, detector } = alert;
  if (isSilence(alert)) return '';
  const by = typeof detector === 'string' ? ` by ${detector}` : '';
  return `The score of ${rule}${by} was ${shown(score)}, above the threshold of ${shown(threshold)}${originText(threshold_origin, configured_threshold)}.`;
}

/** Name, version and the first digits of the sha256. */
export function modelText({ model }: AnomalyObject): string {
  if (model === null || model === undefined) return '-';
  const { name, version, sha256 } = model;
  return `${name}${version === null ? '' : ` ${version}`}${sha256 === null ? '' : ` (${sha256.slice(0, 12)})`}`;
}

/** Where a threshold comes from; nothing where that is not known. */
export function originText(origin: string | null | undefined, configured: number | null | undefined): string {
  const texts = [
    ...(typeof origin === 'string' ? [origin] : []),
    ...(typeof configured === 'number' ? [`moved from ${shown(configured)} by verdicts`] : []),
  ];
  return texts.length === 0 ? '' : ` (${texts.join('; ')})`;
}

function partSentence(alert: AnomalyObject): string {
  const [first] = explainedParts(alert);
  if (first === undefined || first.score === null || alert.parts.length < 2) return '';
  const meaning = first.meaning === null ? '' : `, ${first.meaning}`;
  return `${first.name} says most, ${shown(first.score)}${meaning}.`;
}

function seasonSentence(alert: AnomalyObject): string {
  const season = seasonText(alert);
  return season === null ? '' : `It was compared with the season slot of ${season}.`;
}

function pastSentence({ past }: AnomalyObject): string {
  if (past === undefined || past.length === 0) return '';
  const judged = past.filter(({ verdict }) => verdict !== null);
  const wrong = judged.filter(({ verdict }) => verdict === false).length;
  const said = judged.length === 0 ? '' : `, of which operators called ${wrong} of ${judged.length} false`;
  return `Of the alerts before it ${past.length === 1 ? 'one is' : `${past.length} are`} named${said}.`;
}

/** Six digits are enough for people. */
export function shown(value: number): string {
  return String(Number(value.toPrecision(6)));
}
