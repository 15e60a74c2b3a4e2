import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { AnomalyError } from '../errors.ts';

/**
 * One line of a pipe between stages. A record carries where it came from and the watermark after it, so that a later
 * stage gives the same results as if it had read the partition itself.
 */
export interface RecordLine {
  readonly type: 'record';
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly record_time: number;
  readonly key: string | null;
  readonly value: unknown;
  /** Epoch ms; null before the first event time. */
  readonly watermark: number | null;
}

/** The objects of a stream of NDJSON, in chunks as they arrive: no promise a line. */
export async function* ndjsonSource(input: Readable, name: string): AsyncGenerator<Record<string, unknown>[]> {
  let number = 0;
  for await (const lines of lineChunks(input)) {
    const chunk: Record<string, unknown>[] = [];
    for (const line of lines) {
      const value = parseLine(line, ++number, name);
      if (value !== undefined) chunk.push(value);
    }
    yield chunk;
  }
}

async function* lineChunks(input: Readable): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of input) {
    const text = rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk as Buffer));
    const lines = text.split('\n');
    rest = lines.pop()!;
    if (lines.length > 0) yield lines;
  }
  rest += decoder.end();
  if (rest !== '') yield [rest];
}

/** The object on a line, or ANM_BAD_DATA with the line number. Blank lines are undefined. */
function parseLine(line: string, number: number, source: string): Record<string, unknown> | undefined {
  if (line.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new AnomalyError(
      'ANM_BAD_DATA',
      `cannot read line ${number} of ${source} as it is not JSON: ${line.slice(0, 80)}`,
      {
        cause,
        hint: 'a stage reads the NDJSON that another stage writes; load CSV or plain JSONL with anomaly replay FILE --to -',
      },
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AnomalyError('ANM_BAD_DATA', `cannot read line ${number} of ${source} as it is not a JSON object`);
  }
  return value as Record<string, unknown>;
}
