import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { isSilence } from '../../observe/alertWords.ts';
import { renderChart } from '../../output/chart.ts';
import { formatTime } from '../../output/format.ts';
import { renderTable } from '../../output/table.ts';
import type { Feedback } from '../../runtime/output/feedbackTopic.ts';
import type { AnomalyObject, PastAlert } from '../../runtime/output/rowObjects.ts';
import { alertOfLines, findAlert, readFeedback } from '../alerts/source.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';
import { hasUnicode } from '../tui/terms.ts';
import { explainedInWords, explainedParts, modelText, originText, seasonText, shown, shownBy } from './text.ts';
import { type ExplainedValue, type ExplainedValues, isOfWindows, scoredBy, valuesAround } from './values.ts';

const [BEFORE, AFTER] = [80, 20];
const [MOST_COLUMNS, ROWS] = [120, 14];
const PIPE_COLUMNS = 80;

/** `explain`. */
export async function runExplain(context: CommandContext): Promise<number> {
  const { settings, output, flags, stdout } = context;
  const { pipeline, sinks } = settings.pipeline();
  let client: KafkaClient | undefined;
  const connect = async () => {
    client ??= await connectClient(context);
    return client;
  };
  try {
    const alert =
      (await givenAlert(context)) ?? (await findAlert(context, await connect(), sinks.anomalies, context.args[0]!));
    const found = await aroundOf(context, connect, pipeline, alert);
    const parts = explainedParts(alert);
    const document = {
      alert,
      explanation: explainedInWords(alert),
      parts,
      season: seasonText(alert),
      feedback: found.feedback,
      source: found.around === undefined ? null : { topic: found.around.topic, partition: found.around.partition },
      values: found.around?.values ?? null,
      missing: found.reason,
    };
    await output.document(document, () => {
      const width = Math.min(MOST_COLUMNS, stdout.columns ?? PIPE_COLUMNS);
      const options = { width, ascii: flags['ascii'] === true || !hasUnicode(context), color: output.color };
      return textOf(alert, found, options);
    });
    return 0;
  } finally {
    await client?.close();
  }
}

/** The alert of the argument, of stdin or of --alerts; undefined where the topic has to be asked. */
async function givenAlert(context: CommandContext): Promise<AnomalyObject | undefined> {
  const { args, flags, stdin, cwd } = context;
  const given = args[0]!;
  const file = flags['alerts'] as string | undefined;
  if (given === '-') return await alertOfLines(context, stdin, 'stdin', undefined);
  if (given.startsWith('{')) return await alertOfLines(context, Readable.from([given]), 'the argument', undefined);
  if (file === undefined) return undefined;
  return await alertOfLines(context, createReadStream(resolve(cwd, file)), file, given);
}

interface Found {
  readonly around: ExplainedValues | undefined;
  readonly feedback: Feedback | null;
  /** Why there are no values. */
  readonly reason: string | null;
}

/** What else the cluster has of it. An alert of a file may be of another one: then the rest is shown without. */
async function aroundOf(
  context: CommandContext,
  connect: () => Promise<KafkaClient>,
  pipeline: string,
  alert: AnomalyObject,
): Promise<Found> {
  const { settings, flags } = context;
  const span = {
    before: countOf(flags['before'] as number | undefined, BEFORE, '--before'),
    after: countOf(flags['after'] as number | undefined, AFTER, '--after'),
  };
  let feedback: Feedback | null = null;
  try {
    const client = await connect();
    feedback = (await readFeedback(context, client, pipeline)).get(alert.id) ?? null;
    const topic = isOfWindows(alert) ? settings.pipeline().sinks.windows : alert.topic;
    if ((await client.admin.topics([topic])).length === 0) {
      return { around: undefined, feedback, reason: `there is no topic ${topic} on this cluster` };
    }
    const around = await valuesAround(context, client, settings.pipeline(), alert, span);
    if (around.values.length > 0) return { around, feedback, reason: null };
    const where = `${around.topic}/${around.partition} around offset ${alert.offset}`;
    return {
      ...{ around: undefined, feedback },
      reason: `${where} has no values of the series: source.key, source.time and source.fields of anomaly.yaml say where they are, and retention may have removed them`,
    };
  } catch (error) {
    if (!isAnomalyError(error)) throw error;
    return { around: undefined, feedback, reason: `${error.code} ${error.message}` };
  }
}

function countOf(given: number | undefined, byDefault: number, name: string): number {
  const count = given ?? byDefault;
  if (count >= 0 && count <= 100_000) return count;
  throw new AnomalyError('ANM_USAGE', `${name} wants a number of values from 0 to 100000, got ${count}`);
}

interface TextOptions {
  readonly width: number;
  readonly ascii: boolean;
  readonly color: boolean;
}

function textOf(alert: AnomalyObject, { around, feedback, reason }: Found, options: TextOptions): string {
  const blocks = [alert.id, wrapped(explainedInWords(alert), options.width), factsText(alert, feedback)];
  const parts = explainedParts(alert);
  if (parts.length > 0) {
    const columns = [
      { header: 'PART', value: (part: (typeof parts)[number]) => part.name },
      { header: 'SCORE', value: (part: (typeof parts)[number]) => rounded(part.score), align: 'right' as const },
      { header: 'WHAT IT IS', value: (part: (typeof parts)[number]) => part.meaning },
    ];
    blocks.push(renderTable(parts, columns, { wide: false, color: options.color }));
  }
  if (alert.past !== undefined && alert.past.length > 0) blocks.push(pastText(alert.past, options));
  blocks.push(around === undefined ? `No chart: ${reason}.` : chartText(alert, around, options));
  return blocks.join('\n\n');
}

function factsText(alert: AnomalyObject, feedback: Feedback | null): string {
  const show = shownBy(alert);
  const side = (level: number | null) => (level === null ? 'any' : show(level));
  const band = alert.lower === null && alert.upper === null ? '-' : `${side(alert.lower)} to ${side(alert.upper)}`;
  const rows: [string, string][] = [
    [isSilence(alert) ? 'silence' : 'value', show(alert.value)],
    ['expected', alert.expected === null ? '-' : show(alert.expected)],
    ['band', band],
    ['score', shown(alert.score)],
    ['threshold', `${shown(alert.threshold)}${originText(alert.threshold_origin, alert.configured_threshold)}`],
    ['detector', alert.detector ?? '-'],
    ...(alert.model === null || alert.model === undefined ? [] : [['model', modelText(alert)] as [string, string]]),
    ['season', seasonText(alert) ?? '-'],
    ['source', `${alert.topic}/${alert.partition} offset ${alert.offset}`],
  ];
  if (feedback !== null) {
    const note = feedback.note === null ? '' : `: ${feedback.note}`;
    rows.push([
      'verdict',
      `${feedback.verdict ? 'true' : 'false'}, by ${feedback.by} at ${formatTime(feedback.at)}${note}`,
    ]);
  }
  return rows.map(([name, value]) => `${name.padEnd(10)} ${value}`).join('\n');
}

function pastText(past: readonly PastAlert[], { color }: TextOptions): string {
  const columns = [
    { header: 'EARLIER ALERT', value: (row: PastAlert) => formatTime(row.time) },
    { header: 'VALUE', value: (row: PastAlert) => rounded(row.value), align: 'right' as const },
    { header: 'SCORE', value: (row: PastAlert) => rounded(row.score), align: 'right' as const },
    { header: 'VERDICT', value: (row: PastAlert) => row.verdict },
  ];
  return renderTable(past, columns, { wide: false, color });
}

function chartText(alert: AnomalyObject, { topic, partition, values }: ExplainedValues, options: TextOptions): string {
  const scored = scoredBy(alert);
  // The values of a feature of records are nowhere: the chart is of the field.
  const isOfFeature = scored.kind === 'feature' && !isOfWindows(alert);
  const isMarked = ({ time, offset }: ExplainedValue) =>
    time === alert.start && (offset === alert.offset || isOfWindows(alert));
  const marked = values.find(isMarked)?.value ?? null;
  // What is expected is of the value that was scored, which a feature, or a silence, is not.
  const isScored = marked === alert.value;
  const band = isScored ? { lower: alert.lower, expected: alert.expected, upper: alert.upper } : NO_BAND;
  const points = values.map(({ time, value }) => ({ timeMs: time, value: value ?? Number.NaN }));
  const [first, last] = [values[0]!.time, values.at(-1)!.time];
  const chart = renderChart(points, {
    ...{ ...options, height: ROWS, band },
    ...(marked !== null && { mark: { timeMs: alert.start, value: marked } }),
    timeText: (timeMs) => timeText(timeMs, last - first),
  });
  const name = isOfFeature ? `${alert.field}, which ${scored.name} is computed of` : alert.field;
  return `${values.length} values of ${alert.series}, ${name}, in ${topic}/${partition}:\n${chart}`;
}

const NO_BAND = { lower: null, expected: null, upper: null };
const DAY_MS = 86_400_000;

function timeText(timeMs: number, spanMs: number): string {
  const text = new Date(timeMs).toISOString();
  if (spanMs > 20 * DAY_MS) return text.slice(0, 10);
  return spanMs > DAY_MS ? text.slice(5, 16).replace('T', ' ') : text.slice(11, 19);
}

function rounded(score: number | null): number | null {
  return score === null ? null : Number(score.toPrecision(6));
}

/** Lines of at most so many columns. */
function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}
