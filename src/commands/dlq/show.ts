import { AnomalyError } from '../../errors.ts';
import { styled } from '../../output/color.ts';
import { formatNumber, formatTime } from '../../output/format.ts';
import { hexDump } from '../../output/hexDump.ts';
import { toJson, verbatim } from '../../output/json.ts';
import { type DeadLetter, placeOf } from '../../runtime/output/deadLetter.ts';
import { RedriveLedger } from '../../runtime/redrive/ledger.ts';
import type { CommandContext } from '../command.ts';
import { connectClient, connectRegistry } from '../connections.ts';
import { headerMap } from '../headerMap.ts';
import { stoppedCode } from '../lifecycle.ts';
import { warnOfCorrupt } from '../stageInput.ts';
import { type ReadValue, ValueReader } from '../valueReader.ts';
import { letterFilter } from './options.ts';
import { deadLetterTopic, type FoundLetter, letterRange, letters } from './topic.ts';

const DEFAULT_LETTERS = 10;
/** Of a value that has no other form, so much is shown to people; -o json has all of it. */
const DUMP_BYTES = 512;

/** `dlq show`: letters in full. */
export async function runDlqShow(context: CommandContext): Promise<number> {
  const { flags, signal, logger } = context;
  const takes = letterFilter(context);
  const topic = deadLetterTopic(context);
  const most = (flags['num'] as number | undefined) ?? DEFAULT_LETTERS;
  if (most < 1) throw new AnomalyError('ANM_USAGE', `--num wants a number of dead letters from 1 on, got ${most}`);
  const client = await connectClient(context);
  try {
    const range = await letterRange(client, topic);
    const ledger = new RedriveLedger(topic);
    await ledger.load(client, signal, warnOfCorrupt(context), 'stable');
    const reader = new ValueReader(connectRegistry(context));
    let shown = 0;
    for await (const found of letters(context, client, range, takes)) {
      if (shown === most) {
        logger.info(`there are more: -n prints more than ${most}`);
        break;
      }
      await printLetter(context, found, ledger.has(found.letter), reader);
      shown++;
    }
    if (shown === 0 && !signal.aborted) logger.warn(`${topic} has no dead letter that the filters take`);
    return signal.aborted ? stoppedCode(signal) : 0;
  } finally {
    await client.close();
  }
}

async function printLetter(
  { output }: CommandContext,
  { letter, batch, index }: FoundLetter,
  isRedriven: boolean,
  reader: ValueReader,
): Promise<void> {
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = batch;
  const key = await reader.read(bytes, keyStart[index]!, keyEnd[index]!);
  const value = letter.isBatch
    ? rawBytes(bytes.subarray(valueStart[index]!, valueEnd[index]!))
    : await reader.read(bytes, valueStart[index]!, valueEnd[index]!);
  const headers = headerMap(letter.headers);
  const { exception, message, stacktrace, sourceTopic, sourcePartition, sourceOffset, nextOffset } = letter;
  const row = {
    topic: letter.topic,
    partition: letter.partition,
    offset: letter.offset,
    timestamp: formatTime(letter.timeMs),
    exception,
    message,
    source: {
      topic: sourceTopic,
      partition: sourcePartition,
      offset: sourceOffset,
      nextOffset: nextOffset ?? undefined,
    },
    records: letter.records,
    redrives: letter.redrives,
    redriven: isRedriven,
    valueBytes: letter.cutFromBytes ?? undefined,
    headers: headers === undefined ? undefined : verbatim(headers),
    key: verbatim(key.value),
    keyEncoding: key.encoding === 'text' || key.encoding === 'null' ? undefined : key.encoding,
    value: verbatim(value.value),
    encoding: value.encoding,
    schemaId: value.schemaId,
    problem: value.problem,
    stacktrace,
  };
  await output.line(row, () => {
    const title = styled(output.color, 'bold', placeOf(letter));
    const head = [`${title}  ${row.timestamp}`, ...letterLines(letter, isRedriven)];
    if (headers !== undefined) head.push(line('headers', JSON.stringify(toJson(verbatim(headers)))));
    head.push(...valueLines('key', key), ...valueLines('value', value));
    if (stacktrace !== null) head.push(line('stack', ''), indented(stacktrace));
    return `${head.join('\n')}\n`;
  });
}

function letterLines(letter: DeadLetter, isRedriven: boolean): string[] {
  const { sourceTopic, sourcePartition, sourceOffset, nextOffset, records, redrives, cutFromBytes } = letter;
  const until = nextOffset === null ? '' : `..${nextOffset - 1}, a batch of ${formatNumber(records)} records`;
  const lines = [
    line(
      'source',
      sourceTopic === null ? '-' : `${sourceTopic}/${sourcePartition ?? '?'}@${sourceOffset ?? '?'}${until}`,
    ),
    line('exception', letter.exception ?? '-'),
    line('message', letter.message ?? '-'),
  ];
  if (redrives > 0)
    lines.push(
      line('redrives', `was sent back ${redrives === 1 ? 'once' : `${redrives} times`} before it failed again`),
    );
  if (isRedriven) lines.push(line('redriven', 'has been sent back'));
  if (cutFromBytes !== null) lines.push(line('cut', `the value had ${formatNumber(cutFromBytes)} bytes`));
  return lines;
}

function valueLines(name: string, { encoding, value, schemaId, problem }: ReadValue): string[] {
  if (encoding === 'null') return [line(name, 'null')];
  const by = schemaId === undefined ? '' : `, schema ${schemaId}`;
  const note = problem === undefined ? '' : ` (${problem})`;
  if (encoding === 'base64') {
    const bytes = Buffer.from(value as string, 'base64');
    return [line(name, `${formatNumber(bytes.length)} bytes${by}${note}`), indented(hexDump(bytes, DUMP_BYTES))];
  }
  const text = typeof value === 'string' ? value : JSON.stringify(toJson(verbatim(value)), null, 2);
  if (!text.includes('\n')) return [line(name, `${text}${encoding === 'text' ? '' : `  (${encoding}${by})`}`)];
  return [line(name, `${encoding}${by}${note}`), indented(text)];
}

function rawBytes(bytes: Uint8Array): ReadValue {
  return { encoding: 'base64', value: Buffer.from(bytes).toString('base64') };
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(9)}  ${text}`.trimEnd();
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((each) => `    ${each}`)
    .join('\n');
}
