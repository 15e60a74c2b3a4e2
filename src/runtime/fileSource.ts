import type { Readable } from 'node:stream';
import { jsonEncoder } from '../inputs/encoders.ts';
import type { BadRow } from '../inputs/rowChunk.ts';
import { openRows } from '../inputs/rowInput.ts';

export interface FileSourceOptions {
  readonly inputs: readonly string[];
  readonly cwd: string;
  readonly stdin: Readable;
  readonly timeColumn: string | undefined;
  /** Column that names the series; absent: the file does. */
  readonly keyColumn: string | undefined;
  readonly onBadRow: (row: BadRow) => void;
  /** Hears what is odd about a file and does no harm. */
  readonly onNote: (text: string) => void;
}

/**
 * Rows of files as record lines of one partition, merged by event time; offsets count the rows. A row was never in a
 * broker, so its record time is its event time: the same file gives the same lines at every run.
 */
export async function* fileLines(options: FileSourceOptions): AsyncGenerator<Record<string, unknown>[]> {
  const { inputs, cwd, stdin, timeColumn, keyColumn, onBadRow, onNote } = options;
  const input = await openRows(inputs, {
    cwd,
    stdin,
    onBadRow,
    onNote,
    ...(timeColumn !== undefined && { timeColumn }),
  });
  const encoder = jsonEncoder(input, null);
  let offset = 0;
  try {
    for await (const rows of input.rows()) {
      const lines: Record<string, unknown>[] = [];
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
        const value = JSON.parse(Buffer.from(encoder.bytes.buffer, encoder.bytes.byteOffset, length).toString());
        const key = keyColumn === undefined ? JSON.parse(Buffer.from(file.seriesJson).toString()) : value[keyColumn];
        lines.push({
          type: 'record',
          topic: inputs.join(','),
          partition: 0,
          offset: offset++,
          record_time: file.timeColumn < 0 ? 0 : chunk.times[row]!,
          key: key === undefined || key === null ? null : String(key),
          value,
        });
      }
      yield lines;
    }
  } finally {
    await input.close();
  }
}
