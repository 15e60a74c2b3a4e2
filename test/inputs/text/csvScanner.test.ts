import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { ROW_BYTES_MAX } from '../../../src/inputs/rowReader.ts';
import { CsvScanner } from '../../../src/inputs/text/csvScanner.ts';
import { readAll } from '../helpers.ts';

const read = (text: string | Uint8Array, columns: number, chunkBytes = 64, pieceBytes = 7) =>
  readAll(text, new CsvScanner(44, 1), 'csv', columns, chunkBytes, pieceBytes);

const cell = fc.string({ unit: fc.constantFrom('a', 'é', '1', ' ', '"', ',', '\n', '\r', '🙂', '-'), maxLength: 8 });

test('quoted files of any content read as csv-parse reads them, wherever the buffers are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 12 }),
      fc.constantFrom('\n', '\r\n'),
      fc.integer({ min: 16, max: 80 }),
      fc.integer({ min: 1, max: 40 }),
      async (cells, lineEnd, chunkBytes, pieceBytes) => {
        const text = cells.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')).join(lineEnd);
        const { rows, bad } = await read(text, 3, chunkBytes, pieceBytes);
        assert.deepEqual(bad, []);
        assert.deepEqual(rows, parse(text, { record_delimiter: lineEnd }));
      },
    ),
    { numRuns: 500 },
  );
});

test('bare and quoted fields mix, and each row has the number of its first line', async () => {
  const bare = fc
    .string({ unit: fc.constantFrom('a', 'é', '1', '.', '-'), minLength: 1, maxLength: 6 })
    .map((text) => [text, text]);
  const quoted = cell.map((text) => [text, `"${text.replaceAll('"', '""')}"`]);
  const row = fc.tuple(fc.oneof(bare, quoted), fc.oneof(bare, quoted));
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 10 }), fc.boolean(), async (cells, ended) => {
      const texts = cells.map((each) => each.map(([, spelled]) => spelled!).join(','));
      const { rows, lines, bad } = await read(texts.join('\n') + (ended ? '\n' : ''), 2);
      assert.deepEqual(bad, []);
      assert.deepEqual(
        rows,
        cells.map((each) => each.map(([value]) => value!)),
      );
      let line = 1;
      const want = texts.map((text) => {
        const first = line;
        line += text.split('\n').length;
        return first;
      });
      assert.deepEqual(lines, want);
    }),
    { numRuns: 300 },
  );
});

test('an empty field is null, an empty quoted one is an empty text, spaces around a bare one go', async () => {
  const { rows } = await read('a,,c\n"",  b  ,""""\r\n\r\n\n,,\n', 3);
  assert.deepEqual(rows, [
    ['a', null, 'c'],
    ['', 'b', '"'],
    [null, null, null],
  ]);
});

test('a ragged row is bad, with its line and text, and the rows around it stay', async () => {
  const { rows, lines, bad } = await read('1,2\n3\n4,5,6\n"7\n7",8\n9,9\n', 2);
  assert.deepEqual(rows, [
    ['1', '2'],
    ['7\n7', '8'],
    ['9', '9'],
  ]);
  assert.deepEqual(lines, [1, 4, 6]);
  assert.deepEqual(bad, [
    { file: 'test', line: 2, reason: '1 fields where the header has 2', raw: '3' },
    { file: 'test', line: 3, reason: '3 fields where the header has 2', raw: '4,5,6' },
  ]);
});

test('broken quotes cost one line, not the file', async () => {
  const { rows, lines, bad } = await read('1,2\n"a"b,3\n4,5\n6,"open\n7,8\n', 2);
  assert.deepEqual(rows, [
    ['1', '2'],
    ['4', '5'],
    ['7', '8'],
  ]);
  assert.deepEqual(lines, [1, 3, 5]);
  assert.deepEqual(
    bad.map(({ line, reason, raw }) => [line, reason, raw]),
    [
      [2, 'text follows a closing quote', '"a"b,3'],
      [4, 'a quoted field never closes', '6,"open'],
    ],
  );
});

test('a quote that closes only megabytes later is given up at the limit', async () => {
  const filler = `4,${'5'.repeat(1021)}\n`;
  const count = ROW_BYTES_MAX / 1024;
  const { rows, lines, bad } = await read(`1,2\n3,"open\n${filler.repeat(count)}6,7\n`, 2, 65_536, 65_536);
  assert.equal(bad.length, 1);
  assert.equal(bad[0]!.line, 2);
  assert.equal(rows.length, count + 2);
  assert.deepEqual(rows.at(-1), ['6', '7']);
  assert.equal(lines.at(-1), count + 3);
});

test('one line of many megabytes is a bad row', async () => {
  const { rows, lines, bad } = await read(`1,2\n${'x'.repeat(ROW_BYTES_MAX * 2)},1\n3,4\n`, 2, 65_536, 65_536);
  assert.deepEqual(rows, [
    ['1', '2'],
    ['3', '4'],
  ]);
  assert.deepEqual(lines, [1, 3]);
  assert.deepEqual(
    bad.map((row) => [row.line, row.raw.length]),
    [[2, 1000]],
  );
});

test('bytes that are no UTF-8 make a bad row', async () => {
  const { rows, bad } = await read(
    Buffer.concat([Buffer.from('a,b\n'), Buffer.of(0x63, 0xff, 0x2c, 0x64), Buffer.from('\né,f\n')]),
    2,
  );
  assert.deepEqual(rows, [
    ['a', 'b'],
    ['é', 'f'],
  ]);
  assert.deepEqual(
    bad.map(({ line, reason }) => [line, reason]),
    [[2, 'not UTF-8']],
  );
});
