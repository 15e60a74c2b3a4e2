import type { Readable } from 'node:stream';
import { isRounded, quoteLongIntegers } from '../../engine/decode/exactJson.ts';
import { lookUp } from '../../engine/decode/objects.ts';
import { columnNamed, type InputColumn } from '../../inputs/columns.ts';
import { jsonEncoder } from '../../inputs/encode/encoders.ts';
import type { BadRow } from '../../inputs/rowChunk.ts';
import { openRows } from '../../inputs/rowInput.ts';
import type { Line, RecordLine } from './lines.ts';

export interface FileSourceOptions {
  readonly inputs: readonly string[];
  readonly cwd: string;
  readonly stdin: Readable;
  readonly timeColumn: string | undefined;
  /** Column that names the series, as a path in nested rows; absent: the file does. */
  readonly keyColumn: string | undefined;
  /** What gave the two columns, for messages: a flag, or a key and its place. */
  readonly timeName: string;
  readonly keyName: string;
  readonly onBadRow: (row: BadRow) => void;
  /** Hears what is odd about a file and does no harm. */
  readonly onNote: (text: string) => void;
}

/**
 * Rows of files as record lines of one partition, merged by event time; offsets count the rows. A row was never in a
 * broker, so its record time is its event time: the same file gives the same lines at every run.
 * @throws ANM_USAGE for a key or time that no file has
 */
export async function* fileLines(options: FileSourceOptions): AsyncGenerator<Line[]> {
  const { inputs, cwd, stdin, timeColumn, timeName, keyColumn, onBadRow, onNote } = options;
  const input = await openRows(inputs, {
    cwd,
    stdin,
    onBadRow,
    onNote,
    ...(timeColumn !== undefined && { timeColumn, timeName }),
  });
  const encoder = jsonEncoder(input, null);
  const topic = inputs.join(',');
  let offset = 0;
  try {
    const key = keyColumn === undefined ? undefined : keyPath(input.columns, keyColumn, options.keyName);
    yield [{ type: 'source', topic, partitions: 1 }];
    for await (const rows of input.rows()) {
      const lines: Line[] = [];
      for (let i = 0; i < rows.count; i++) {
        const index = rows.files[i]!;
        const file = input.files[index]!;
        const { chunk } = rows.readers[index]!;
        const row = rows.rows[i]!;
        const length = encoder.encode(chunk, row, file, 0);
        if (length < 0) {
          onBadRow({
            file: input.samples[index]!.file.name,
            line: chunk.lines[row]!,
            reason: encoder.fault,
            raw: chunk.raw(row),
          });
          continue;
        }
        const text = Buffer.from(encoder.bytes.buffer, encoder.bytes.byteOffset, length).toString();
        const value = JSON.parse(text);
        const name =
          key === undefined ? JSON.parse(Buffer.from(file.seriesJson).toString()) : exactKey(value, text, key);
        const line: RecordLine = {
          type: 'record',
          topic,
          partition: 0,
          offset: offset++,
          record_time: file.timeColumn < 0 ? 0 : Math.floor(chunk.times[row]!),
          key: name === undefined || name === null ? null : String(name),
          // A number that JavaScript would round stays the text that it is.
          ...(JSON.stringify(value) === text ? { value } : { value_text: text }),
        };
        lines.push({ ...line });
      }
      yield lines;
    }
  } finally {
    await input.close();
  }
}

function exactKey(value: object, text: string, path: string): unknown {
  const key = lookUp(value, path);
  return isRounded(key) ? lookUp(JSON.parse(quoteLongIntegers(text)) as object, path) : key;
}

function keyPath(columns: readonly InputColumn[], name: string, option: string): string {
  return columns[columnNamed(columns, name, option)]!.name;
}
