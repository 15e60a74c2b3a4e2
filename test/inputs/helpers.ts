import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ByteSource } from '../../src/inputs/byteSource.ts';
import type { BadRow, Dialect } from '../../src/inputs/rowChunk.ts';
import type { RowInput } from '../../src/inputs/rowInput.ts';
import { RowReader } from '../../src/inputs/rowReader.ts';
import type { RowScanner } from '../../src/inputs/text/rowScanner.ts';

/** A folder of files, gone when the test ends. */
export async function folderOf(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'anomaly-inputs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** Gives bytes in pieces of `pieceBytes`, as a slow pipe does. */
export function bytesSource(bytes: Uint8Array, pieceBytes: number): ByteSource {
  let at = 0;
  return {
    read: async (into, from) => {
      const count = Math.min(pieceBytes, bytes.length - at, into.length - from);
      into.set(bytes.subarray(at, at + count), from);
      at += count;
      return count;
    },
    close: async () => {},
  };
}

export interface ReadOutcome {
  readonly rows: (string | null)[][];
  readonly lines: number[];
  readonly bad: BadRow[];
}

/** Every row as texts, read with small buffers so that rows are cut at every place. */
export async function readAll(
  text: string | Uint8Array,
  scanner: RowScanner,
  dialect: Dialect,
  columns: number,
  chunkBytes = 64,
  pieceBytes = 7,
): Promise<ReadOutcome> {
  const bad: BadRow[] = [];
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const reader = new RowReader({
    name: 'test',
    source: bytesSource(bytes, pieceBytes),
    scanner,
    dialect,
    columns,
    chunkBytes,
    onBadRow: (row) => bad.push(row),
  });
  const rows: (string | null)[][] = [];
  const lines: number[] = [];
  while (await reader.fill()) {
    for (let row = 0; row < reader.chunk.count; row++) {
      rows.push(Array.from({ length: columns }, (_, column) => reader.chunk.text(row, column)));
      lines.push(reader.chunk.lines[row]!);
    }
  }
  return { rows, lines, bad };
}

/** All rows of an input: file, line, time and the raw text. */
export async function collect(input: RowInput): Promise<{ file: string; line: number; time: number; raw: string }[]> {
  const out = [];
  for await (const merged of input.rows()) {
    for (let i = 0; i < merged.count; i++) {
      const file = merged.files[i]!;
      const { chunk } = merged.readers[file]!;
      const row = merged.rows[i]!;
      out.push({
        file: input.samples[file]!.file.name,
        line: chunk.lines[row]!,
        time: chunk.times[row]!,
        raw: chunk.raw(row),
      });
    }
  }
  return out;
}
