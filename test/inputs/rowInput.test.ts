import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { isAnomalyError } from '../../src/errors.ts';
import { FilePool } from '../../src/inputs/byteSource.ts';
import { openRows, type RowInputOptions } from '../../src/inputs/rowInput.ts';
import { collect, folderOf } from './helpers.ts';

const NAB = fileURLToPath(new URL('../../fixtures/nab/data', import.meta.url));
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

async function columnsOf(text: string, options: RowInputOptions = {}) {
  const input = await openRows(['-'], { stdin: Readable.from([text]), ...options });
  const columns = input.columns.map(({ name, type, nullable, micros }) =>
    [name, type + (nullable ? '?' : '') + (micros ? ' us' : '')].join(' '),
  );
  const rows = await collect(input);
  await input.close();
  return { columns, rows, input };
}

test('files are merged by time: stable by file, then by row, and unsorted rows stay where they stand', async (t) => {
  // Few distinct times make many ties; the model is the definition of the merge, one row at a time.
  const files = fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(files, async (times) => {
      const names = times.map((_, i) => `f${i}.csv`);
      const folder = await folderOf(
        t,
        Object.fromEntries(
          times.map((each, i) => [names[i]!, `ts,v\n${each.map((s, row) => `${iso(s)},${row}`).join('\n')}\n`]),
        ),
      );
      const input = await openRows([folder], { cwd: folder });
      const rows = await collect(input);
      await input.close();
      const heads = times.map(() => 0);
      const want = [];
      for (let n = times.flat().length; n > 0; n--) {
        let best = -1;
        for (let f = 0; f < times.length; f++) {
          if (heads[f]! < times[f]!.length && (best < 0 || times[f]![heads[f]!]! < times[best]![heads[best]!]!))
            best = f;
        }
        want.push([names[best]!, heads[best]! + 2, times[best]![heads[best]!]! * 1000]);
        heads[best]!++;
      }
      assert.deepEqual(
        rows.map((row) => [row.file, row.line, row.time]),
        want,
      );
    }),
    { numRuns: 60 },
  );
});

test('the NAB corpus: every row, in the order of time; end to end 91 % of the rows would be late', async () => {
  for (const [order, share] of [
    ['time', 0.00003],
    ['file', 0.9085],
  ] as const) {
    const input = await openRows([NAB], { order });
    assert.equal(input.samples.length, 58);
    assert.equal(input.samples[0]!.file.series, 'artificialNoAnomaly/art_daily_no_noise');
    assert.deepEqual(
      input.columns.map((column) => [column.name, column.type, column.nullable]),
      [
        ['timestamp', 'time', false],
        ['value', 'double', true],
      ],
    );
    assert.equal(input.stepMs, 300_000);
    let rows = 0;
    let late = 0;
    let max = Number.NEGATIVE_INFINITY;
    for await (const merged of input.rows()) {
      for (let i = 0; i < merged.count; i++) {
        const time = merged.readers[merged.files[i]!]!.chunk.times[merged.rows[i]!]!;
        if (time < max - 5000) late++;
        max = Math.max(max, time);
        rows++;
      }
    }
    await input.close();
    assert.equal(rows, 365_558);
    assert.ok(Math.abs(late / rows - share) < 0.0001, `${order}: ${late / rows}`);
    assert.equal(input.badRows, 0);
  }
});

test('more files than may be open at once: the pool closes and opens them again', async (t) => {
  const folder = await folderOf(
    t,
    Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}.txt`, `${i}`.repeat(5)])),
  );
  const pool = new FilePool(4);
  const into = new Uint8Array(1);
  let text = '';
  for (let position = 0; position < 5; position++) {
    for (let i = 0; i < 9; i++) {
      await pool.read(join(folder, `${i}.txt`), into, 0, position);
      text += String.fromCharCode(into[0]!);
    }
  }
  assert.equal(text, '012345678'.repeat(5));
  assert.equal(pool.peak, 4);
  await pool.closeAll();
});

test('300 files that all overlap merge in order', async (t) => {
  const files = Array.from({ length: 300 }, (_, i) => [
    `${String(i).padStart(3, '0')}.csv`,
    `ts,v\n${Array.from({ length: 20 }, (_, row) => `${iso(i + row * 300)},${i}`).join('\n')}\n`,
  ]);
  const folder = await folderOf(t, Object.fromEntries(files));
  const input = await openRows([folder], { cwd: folder });
  const rows = await collect(input);
  await input.close();
  assert.deepEqual(
    rows.map((row) => row.time / 1000),
    Array.from({ length: 6000 }, (_, i) => i),
  );
});

test('columns are inferred: times, numbers, booleans, texts, and what may be null', async () => {
  const { columns } = await columnsOf(
    'time,id,temp,ok,name,code,gap,miss,Einheit °C\n' +
      '2014-04-01 00:00:00.123456,1,1,true,a,007,,1,1e3\n' +
      '2014-04-01 00:05:00,2,2.5,FALSE,7,008,3,NaN,2\n',
  );
  assert.deepEqual(columns, [
    'time time us',
    'id long',
    'temp double',
    'ok boolean',
    'name string',
    'code string',
    'gap long?',
    'miss long?',
    'Einheit °C double',
  ]);
});

test('epoch times by name and by size', async () => {
  for (const [header, value] of [
    ['ts', '1396310400'],
    ['ts', '1396310400000'],
    ['ts_ms', '1396310400000'],
    ['time_us', '1396310400000000'],
    ['ts', '1396310400000000000'],
    ['ts', '1396310400.0'],
  ]) {
    const { columns, rows } = await columnsOf(`${header},v\n${value},1\n`);
    assert.deepEqual([columns[0], rows[0]!.time], [`${header} time`, 1396310400000], `${header} ${value}`);
  }
  const { columns, rows } = await columnsOf('uptime_ms,v\n1500,1\n', { timeColumn: 'uptime_ms' });
  assert.deepEqual([columns[0], rows[0]!.time], ['uptime_ms time', 1500]);
});

test('JSON Lines: nested members are columns, text stays text, stdin is read once', async () => {
  const { columns, rows } = await columnsOf(
    '{"ts":"2014-04-01T00:00:00Z","pump":{"bar":1,"name":"p1"},"id":"7","tags":[1]}\n{"ts":"2014-04-01T00:05:00Z","pump":{"bar":1.5},"id":"8","tags":[]}\n',
  );
  assert.deepEqual(columns, ['ts time', 'pump.bar double', 'pump.name string?', 'id string', 'tags string']);
  assert.deepEqual(
    rows.map((row) => row.time),
    [1396310400000, 1396310700000],
  );
});

test('files of different columns make one schema: null where one lacks a column, double over long', async (t) => {
  const folder = await folderOf(t, {
    'a.csv': 'ts,v\n2014-04-01 00:00:00,1\n',
    'b.jsonl': '{"ts":1396310460,"v":2.5,"w":"x"}\n',
    'c.csv': 'ts,v\n',
    'notes.txt': 'not read',
  });
  const input = await openRows([folder], { cwd: folder });
  assert.deepEqual(
    input.columns.map(({ name, type, nullable }) => [name, type, nullable]),
    [
      ['ts', 'time', false],
      ['v', 'double', false],
      ['w', 'string', true],
    ],
  );
  assert.deepEqual(
    input.empty.map((file) => file.name),
    ['c.csv'],
  );
  assert.deepEqual(
    (await collect(input)).map((row) => row.time),
    [1396310400000, 1396310460000],
  );
  await input.close();
});

test('byte order mark, CRLF, semicolons, tabs, gzip, a missing last line end, and no header', async (t) => {
  const folder = await folderOf(t, {
    'bom.csv': '\ufefftimestamp,value\r\n2014-04-01 00:00:00,1\r\n2014-04-01 00:00:01,2',
    'semi.csv': '"timestamp";"the;value"\n2014-04-01 00:00:02;"3"\n',
    'tab.tsv.gz': gzipSync('timestamp\tvalue\n2014-04-01 00:00:03\t4\n'),
  });
  const input = await openRows([folder], { cwd: folder });
  assert.deepEqual(
    (await collect(input)).map((row) => [row.file, row.line, row.time % 60_000]),
    [
      ['bom.csv', 2, 0],
      ['bom.csv', 3, 1000],
      ['semi.csv', 2, 2000],
      ['tab.tsv.gz', 2, 3000],
    ],
  );
  assert.deepEqual(
    input.samples.map((sample) => sample.file.series),
    ['bom', 'semi', 'tab'],
  );
  await input.close();
  const { rows } = await columnsOf('2014-04-01 00:00:00,1\n2014-04-01 00:00:05,2\n', {
    columns: ['timestamp', 'value'],
  });
  assert.deepEqual(
    rows.map((row) => row.line),
    [1, 2],
  );
});

test('globs and files given one by one are named from their common folder', async (t) => {
  const text = 'ts,v\n2014-04-01 00:00:00,1\n';
  const folder = await folderOf(t, {
    'in/a/x.csv': text,
    'in/b/x.csv': text,
    'in/b/deep/y.csv': text,
    'in/b/.hidden.csv': text,
  });
  const series = async (...inputs: string[]) => {
    const input = await openRows(inputs, { cwd: folder });
    await input.close();
    return input.samples.map((sample) => sample.file.series);
  };
  assert.deepEqual(await series('in'), ['a/x', 'b/deep/y', 'b/x']);
  assert.deepEqual(await series('in/*/x.csv'), ['a/x', 'b/x']);
  assert.deepEqual(await series('in/**/*.csv'), ['a/x', 'b/deep/y', 'b/x']);
  assert.deepEqual(
    await series('in/{a,c}/?.csv', 'in/[!a]/x.csv'),
    ['a/x', 'b/x'].map((name) => name),
  );
  assert.deepEqual(await series('in/b/x.csv', 'in/a/x.csv', 'in/b/x.csv'), ['b/x', 'a/x']);
  assert.deepEqual(await series('in/b/x.csv'), ['x']);
});

test('what cannot be read says why and what to do', async (t) => {
  const folder = await folderOf(t, {
    'array.json': '[{"a":1}]',
    'utf16.csv': Buffer.from('\ufeffts,v\n', 'utf16le'),
    'headless.csv': '2014-04-01 00:00:00,1\n',
    'timeless.csv': 'a,b\n1,2\n',
    'empty/readme.md': '',
  });
  const failure = async (input: string, options: RowInputOptions = {}): Promise<string> => {
    try {
      await openRows([input], { cwd: folder, ...options });
    } catch (error) {
      assert.ok(isAnomalyError(error));
      return `${error.code} ${error.message} | ${error.hint}`;
    }
    return 'read';
  };
  assert.match(await failure('none.csv'), /^ANM_FILE cannot read none.csv as it does not exist/);
  assert.match(await failure('*.parquet'), /no file matches it/);
  assert.match(await failure('empty'), /the folder holds no/);
  assert.match(await failure('array.json'), /JSON array.*jq -c/);
  assert.match(await failure('utf16.csv'), /UTF-16.*iconv/);
  assert.match(await failure('headless.csv'), /first row looks like data.*--columns timestamp,value/);
  assert.match(await failure('timeless.csv', { order: 'time' }), /no column of times/);
  assert.match(
    await failure('timeless.csv', { timeColumn: 'c' }),
    /^ANM_USAGE --time cannot be c as timeless.csv has no such column/,
  );
  assert.equal(await failure('timeless.csv'), 'read');
});

test('a few odd values do not change the type of a column: their rows are bad later', async () => {
  const rows = (odd: string) =>
    `ts,v\n${Array.from({ length: 9 }, (_, i) => `2014-04-01 00:00:0${i},${i}.5\n`).join('')}2014-04-01 00:00:09,${odd}\n`;
  assert.deepEqual((await columnsOf(rows('broken'))).columns, ['ts time', 'v double']);
  // A code is never a number, however rare: its zeros would be lost.
  assert.deepEqual((await columnsOf(rows('0815'))).columns, ['ts time', 'v string']);
});

test('rows whose time cannot be read are bad, and the merge goes on without them', async () => {
  const bad: string[] = [];
  const good = Array.from({ length: 8 }, (_, i) => `2014-04-01 00:00:0${i},1\n`).join('');
  const { rows, columns } = await columnsOf(`ts,v\n2014-04-01 00:00:00,1\n2014-02-30 00:00:00,2\n,3\n${good}`, {
    onBadRow: (row) => bad.push(`${row.line}: ${row.reason}`),
  });
  assert.deepEqual(
    rows.map((row) => row.line),
    [2, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  assert.deepEqual(bad, [
    "3: '2014-02-30 00:00:00' is no time as YYYY-MM-DD HH:MM:SS",
    '4: an empty value is no time as YYYY-MM-DD HH:MM:SS',
  ]);
  assert.deepEqual(columns, ['ts time', 'v long']);
});
