// What is wrong with an input is told, rejected by name, or kept exactly; nothing is altered in silence.
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { compressZstd, prepareZstd } from '../../src/wire/zstd.ts';
import { startWorld, type World } from '../helpers/world.ts';

const FOREIGN = fileURLToPath(new URL('../inputs/foreign', import.meta.url));
let world: World;
let topics = 0;
let topic = '';
before(async () => {
  await prepareZstd();
  world = await startWorld();
});
beforeEach(() => {
  topic = `bad-${++topics}`;
});
after(() => world.close());

const path = (name: string) => join(world.dir, name);
const write = (name: string, content: string | Uint8Array) => writeFileSync(path(name), content);
const csv = (...rows: string[]) => `ts,id,v\n${rows.map((row) => `${row}\n`).join('')}`;
const good = (i: number, v: number | string = i) => `2026-01-01 00:00:${String(i % 60).padStart(2, '0')},a,${v}`;
const many = (count: number) => Array.from({ length: count }, (_, i) => good(i));

async function produce(...args: string[]) {
  const { code, stdout, stderr } = await world.run(['produce', ...args, '--topic', topic, '-o', 'json']);
  const json = stdout.startsWith('{') ? JSON.parse(stdout) : {};
  return { code, stderr, rows: json.rows as number, rejected: json.rejected as number };
}

async function values(): Promise<Record<string, unknown>[]> {
  const { stdout, code, stderr } = await world.run(['tail', topic, '--offset', 'start', '-o', 'json']);
  assert.equal(code, 0, stderr);
  const rows = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  for (const row of rows) assert.equal(row.problem, undefined);
  return rows.map((row) => row.value);
}

const rejects = () =>
  readFileSync(path(`${topic}.rejects.ndjson`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('a row of 100 MB is rejected by name and line, in bounded memory, and the rows around it are kept', async () => {
  const chunk = 'x'.repeat(1024 * 1024);
  write('huge.csv', `${csv(good(1))}2026-01-01 00:00:02,`);
  for (let i = 0; i < 100; i++) writeFileSync(path('huge.csv'), chunk, { flag: 'a' });
  writeFileSync(path('huge.csv'), `,2\n${good(3)}\n`, { flag: 'a' });
  const before = process.memoryUsage().arrayBuffers;
  const { code, rows, rejected } = await produce('huge.csv');
  assert.deepEqual([code, rows, rejected], [0, 2, 1]);
  assert.ok(process.memoryUsage().arrayBuffers - before < 60e6, 'the row was held in memory');
  const [row] = rejects();
  assert.deepEqual([row.file, row.line], ['huge.csv', 3]);
  assert.match(row.reason, /^longer than 4194304 bytes \(--max-row-bytes\)/);
  rmSync(path('huge.csv'));
});

test('--max-row-bytes moves the limit; a record that the topic would not take is rejected by its size', async () => {
  write('long.csv', csv(good(1), `2026-01-01 00:00:02,${'y'.repeat(300_000)},2`, good(3)));
  const strict = await produce('long.csv', '--max-row-bytes', '200000', '--format', 'json');
  assert.deepEqual([strict.rows, strict.rejected], [2, 1]);
  assert.match(rejects()[0].reason, /longer than 262144 bytes|longer than 200000 bytes/);
  topic = `${topic}-large`;
  const fields = ['ts', 'id', 'v'].map((name) => ({ name, type: 'string' }));
  write('text.avsc', JSON.stringify({ type: 'record', name: 'Text', fields }));
  write(
    'larger.csv',
    csv(
      good(1),
      ...many(1000),
      `2026-01-01 00:00:02,b,${'y'.repeat(1_000_000)}`,
      `2026-01-01 00:00:02,b,${'z'.repeat(2_000_000)}`,
      `2026-01-01 00:00:02,${'k'.repeat(1_100_000)},1`,
      good(3),
    ),
  );
  const { code, rows, rejected, stderr } = await produce('larger.csv', '--schema', 'text.avsc');
  assert.deepEqual([code, rows, rejected], [0, 1003, 2], stderr);
  assert.match(
    rejects()[0].reason,
    /its record of (20|11)\d+ bytes is longer than the topic takes \(\d+, from max\.message\.bytes\)/,
  );
  assert.equal((await values()).length, 1003);
});

test('NUL bytes, line ends of both kinds, a mark of the byte order, quotes and empty texts are kept exactly', async () => {
  write(
    'odd.csv',
    '\ufeffts,text,more\r\n2026-01-01 00:00:00,a\u0000b,"l1\r\nl2\nl3"\n2026-01-01 00:00:01,"",\r\n2026-01-01 00:00:02,"say ""é""",\u0001\t|\n2026-01-01 00:00:03,a\rb,🙂\n',
  );
  const { code, rejected } = await produce('odd.csv');
  assert.deepEqual([code, rejected], [0, 0]);
  assert.deepEqual(
    (await values()).map(({ text, more }) => [text, more]),
    [
      ['a\u0000b', 'l1\r\nl2\nl3'],
      ['', null],
      ['say "é"', '\u0001\t|'],
      ['a\rb', '🙂'],
    ],
  );
});

test('bytes that are no UTF-8 make a bad row, kept as base64; in column names they end it', async () => {
  write(
    'latin.csv',
    Buffer.concat([
      Buffer.from(csv(good(1))),
      Buffer.from([...Buffer.from('2026-01-01 00:00:02,caf'), 0xe9, ...Buffer.from(',2\n')]),
      Buffer.from(`${good(3)}\n`),
    ]),
  );
  const { code, rows, rejected } = await produce('latin.csv');
  assert.deepEqual([code, rows, rejected], [0, 2, 1]);
  const [row] = rejects();
  assert.deepEqual([row.line, row.reason], [3, 'not UTF-8']);
  assert.equal(Buffer.from(row.raw_base64, 'base64').toString('latin1'), '2026-01-01 00:00:02,café,2');
  write('names.csv', Buffer.from('ts,temp\xe9,v\n2026-01-01 00:00:00,1,2\n', 'latin1'));
  const names = await produce('names.csv');
  assert.equal(names.code, 5);
  assert.match(names.stderr, /ANM_FILE.*column names are not UTF-8[\s\S]*iconv/);
});

test('columns of one name are told apart, and that is said', async () => {
  write('twice.csv', 'ts,v,v,,v_2\n2026-01-01 00:00:00,1,2,3,4\n');
  const { code, stderr } = await produce('twice.csv');
  assert.equal(code, 0);
  assert.match(stderr, /twice\.csv has more than one column v: column 3 is called v_2/);
  const [value] = await values();
  assert.deepEqual([value!['v'], value!['v_2'], value!['column_4'], value!['v_2_2']], [1, 2, 3, 4]);
});

test('numbers that a double does not hold are kept as whole numbers or text, or refused', async () => {
  const row = (i: number, ...fields: string[]) => `2026-01-01 00:00:0${i},${fields.join(',')}`;
  write(
    'big.csv',
    `ts,long,huge,mixed\n${[row(0, '9007199254740993', '18446744073709551615', '0.5'), row(1, '-9223372036854775808', '1', '9007199254740993'), row(2, '7', '340282366920938463463374607431768211456', '1')].join('\n')}\n`,
  );
  const { code, rejected } = await produce('big.csv');
  assert.deepEqual([code, rejected], [0, 0]);
  assert.deepEqual(
    (await values()).map(({ long, huge, mixed }) => [long, huge, mixed]),
    [
      ['9007199254740993', '18446744073709551615', '0.5'],
      ['-9223372036854775808', '1', '9007199254740993'],
      [7, '340282366920938463463374607431768211456', '1'],
    ],
  );
  topic = `${topic}-refused`;
  const rows = [
    ...Array.from({ length: 1000 }, (_, i) => good(i, '0.5')),
    good(1, '9007199254740993'),
    good(2, '1e22'),
    good(3, '0.1000000000000000055'),
  ];
  write('double.csv', csv(...rows));
  const refused = await produce('double.csv');
  assert.deepEqual([refused.rows, refused.rejected], [1002, 1]);
  assert.match(rejects()[0].reason, /^v is '9007199254740993', which is no number that a double holds/);
  topic = `${topic}-json`;
  write('big.jsonl', '{"ts":"2026-01-01T00:00:00Z","n":12345678901234567890123,"d":1.000000000000000000001}\n');
  assert.equal((await produce('big.jsonl', '--format', 'json', '--keyless')).code, 0);
  assert.deepEqual((await values())[0], {
    ts: '2026-01-01T00:00:00Z',
    n: '12345678901234567890123',
    d: '1.000000000000000000001',
  });
});

test('ragged rows are rejected with their line, and too many of them end it with exit 5', async () => {
  write('ragged.csv', csv(good(1), '2026-01-01 00:00:02,a', '2026-01-01 00:00:02,a,2,3', good(3)));
  const { code, rows, rejected } = await produce('ragged.csv');
  assert.deepEqual([code, rows, rejected], [0, 2, 2]);
  assert.deepEqual(
    rejects().map(({ line, reason }) => [line, reason]),
    [
      [3, '2 fields where the header has 3'],
      [4, '4 fields where the header has 3'],
    ],
  );
  topic = `${topic}-all`;
  write('all.csv', csv(...Array.from({ length: 300 }, () => 'x')));
  const all = await produce('all.csv');
  assert.equal(all.code, 5);
  assert.match(all.stderr, /ANM_BAD_DATA/);
});

test('empty files, and files of nothing but a header, are said; alone they end it', async () => {
  for (const name of ['empty.csv', 'empty.jsonl', 'empty.parquet', 'empty.avro']) write(name, '');
  write('header.csv', 'ts,id,v\n');
  write('empty.csv.gz', gzipSync(''));
  write('some.csv', csv(good(1)));
  const { code, rows, stderr } = await produce(
    'some.csv',
    'empty.csv',
    'header.csv',
    'empty.csv.gz',
    'empty.parquet',
    'empty.avro',
  );
  assert.deepEqual([code, rows], [0, 1], stderr);
  for (const name of ['empty.csv', 'header.csv', 'empty.csv.gz', 'empty.parquet', 'empty.avro']) {
    assert.match(stderr, new RegExp(`${name.replaceAll('.', '\\.')} holds no rows`));
  }
  const alone = await produce('empty.jsonl');
  assert.equal(alone.code, 5);
  assert.match(alone.stderr, /ANM_FILE.*empty\.jsonl holds no rows/);
});

/** A block of records without a compressible pattern, so that the cut falls among them. */
const noise = () => csv(...Array.from({ length: 30_000 }, (_, i) => good(i, (i * 7919) % 65_537)));

for (const [name, pack] of [
  ['cut.csv.gz', (bytes: Buffer) => gzipSync(bytes)],
  ['cut.csv.zst', (bytes: Buffer) => Buffer.from(compressZstd(bytes, 0, bytes.length))],
] as const) {
  test(`${name}: what stands before the cut is sent, then it ends with the name of the file`, async () => {
    const packed = pack(Buffer.from(noise()));
    write(name, packed.subarray(0, Math.floor(packed.length * 0.7)));
    const { code, rows, stderr } = await produce(name);
    assert.equal(code, 5);
    assert.match(stderr, new RegExp(`ANM_FILE.*cannot read .*${name}`));
    assert.ok(rows > 1000 && rows < 30_000, `${rows} rows`);
    assert.equal((await values()).length, rows);
  });
}

test('a gzip file whose content was damaged ends it by its checksum', async () => {
  const packed = gzipSync(noise(), { level: 0 });
  packed[packed.length - 3000]! ^= 1;
  write('damaged.csv.gz', packed);
  const { code, stderr } = await produce('damaged.csv.gz');
  assert.equal(code, 5);
  assert.match(stderr, /ANM_FILE.*damaged\.csv\.gz.*incorrect data check/);
});

test('Parquet that is cut or damaged ends it with the place', async () => {
  const whole = readFileSync(`${FOREIGN}/types.none.parquet`);
  write('cut.parquet', whole.subarray(0, whole.length - 100));
  const cut = await produce('cut.parquet');
  assert.equal(cut.code, 5);
  assert.match(cut.stderr, /ANM_FILE.*cannot read the metadata of cut\.parquet/);
  const hole = Buffer.from(whole);
  hole.fill(0xff, 60, 400);
  write('hole.parquet', hole);
  const damaged = await produce('hole.parquet', '--keyless');
  assert.equal(damaged.code, 5);
  assert.match(damaged.stderr, /ANM_FILE.*row group 1 of hole\.parquet/);
});

test('an Avro file that is cut or damaged: blocks before it are sent, then it ends with the block', async () => {
  const whole = readFileSync(`${FOREIGN}/readings.null.avro`);
  write('cut.avro', whole.subarray(0, whole.length - 30));
  const cut = await produce('cut.avro');
  assert.equal(cut.code, 5);
  assert.match(cut.stderr, /ANM_FILE.*cannot read block \d of cut\.avro: the file is cut there/);
  assert.ok(cut.rows > 0 && cut.rows < 40);
  const sync = Buffer.from(whole);
  sync[sync.length - 1]! ^= 1;
  write('mark.avro', sync);
  assert.match((await produce('mark.avro')).stderr, /ANM_FILE.*block \d of mark\.avro: the mark at its end/);
  const snappy = readFileSync(`${FOREIGN}/readings.snappy.avro`);
  snappy[snappy.length - 25]! ^= 1;
  write('sum.avro', snappy);
  assert.match(
    (await produce('sum.avro')).stderr,
    /ANM_FILE.*block \d of sum\.avro: (its checksum is wrong|.*snappy.*)/,
  );
  write('head.avro', whole.subarray(0, 100));
  assert.match((await produce('head.avro')).stderr, /ANM_FILE.*header of head\.avro/);
});

test('the content of a file counts and not its name, and that is said', async () => {
  write('plain.csv.gz', csv(good(1)));
  write('packed.csv', gzipSync(csv(good(2))));
  write('lines.csv', '{"ts":"2026-01-01T00:00:03Z","id":"a","v":3}\n');
  write('columns.csv', readFileSync(`${FOREIGN}/types.none.parquet`));
  const text = await produce('plain.csv.gz', 'packed.csv', 'lines.csv');
  assert.deepEqual([text.code, text.rows], [0, 3], text.stderr);
  assert.match(text.stderr, /plain\.csv\.gz is not compressed in spite of its name/);
  assert.match(text.stderr, /packed\.csv is compressed by gzip, which its name does not say/);
  assert.match(text.stderr, /lines\.csv is JSON Lines, which its name does not say/);
  topic = `${topic}-parquet`;
  const parquet = await produce('columns.csv', '--keyless');
  assert.deepEqual([parquet.code, parquet.rows], [0, 5]);
  assert.match(parquet.stderr, /columns\.csv is Parquet, which its name does not say/);
  write('text.parquet', csv(good(1)));
  write('twice.csv.gz', gzipSync(gzipSync(csv(good(1)))));
  write('whole.parquet.gz', gzipSync(readFileSync(`${FOREIGN}/types.none.parquet`)));
  assert.match((await produce('text.parquet')).stderr, /ANM_FILE.*does not begin as Parquet does/);
  assert.match((await produce('twice.csv.gz')).stderr, /ANM_FILE.*compressed twice/);
  assert.match(
    (await produce('whole.parquet.gz')).stderr,
    /ANM_FILE.*cannot read Parquet from .*compressed as a whole/,
  );
  topic = `${topic}-text`;
  assert.equal((await produce('text.parquet', '--input-format', 'csv')).rows, 1);
});

test('lines that end with CR alone, UTF-16 and JSON arrays are named, with the command that converts them', async () => {
  write('mac.csv', csv(good(1), good(2)).replaceAll('\n', '\r'));
  assert.match((await produce('mac.csv')).stderr, /ANM_FILE.*its lines end with CR alone[\s\S]*tr /);
  write('wide.csv', Buffer.from(`\ufeff${csv(good(1))}`, 'utf16le'));
  assert.match((await produce('wide.csv')).stderr, /ANM_FILE.*it is UTF-16[\s\S]*iconv/);
  write('array.json', '[{"ts":1}]');
  assert.match((await produce('array.json')).stderr, /ANM_FILE.*it is a JSON array[\s\S]*jq /);
  write('head.csv', `${'c,'.repeat(700_000)}\n1\n`);
  assert.match((await produce('head.csv')).stderr, /ANM_FILE.*its first line is longer than 1048576 bytes/);
});

test('a file that cannot be read is named with the reason', async () => {
  mkdirSync(path('folder'), { recursive: true });
  symlinkSync(path('nowhere'), path('dangling.csv'));
  symlinkSync(path('loop.csv'), path('loop.csv'));
  assert.match((await produce('dangling.csv')).stderr, /ANM_FILE.*cannot read dangling\.csv/);
  assert.match((await produce('loop.csv')).stderr, /ANM_FILE.*cannot read loop\.csv/);
  assert.match((await produce('folder')).stderr, /ANM_FILE.*the folder holds no \.csv/);
  write('secret.csv', csv(good(1)));
  chmodSync(path('secret.csv'), 0);
  // Nothing is closed to root.
  if (process.getuid?.() !== 0) assert.match((await produce('secret.csv')).stderr, /ANM_FILE.*EACCES/);
  assert.ok(!existsSync(path(`${topic}.rejects.ndjson`)));
});

test('a file that changes while it is read: growth is said, anything else ends it', async () => {
  const slow = async (name: string, change: () => void) => {
    write(name, csv(...many(30_000)));
    let changed = false;
    const { code, stderr } = await world.run(
      ['produce', name, '--topic', `${topic}-${name}`, '--rate', '20000', '-o', 'json'],
      {
        // Once it has said that it made the topic, it reads.
        onError: (text) => {
          if (changed || !text.includes('made topic')) return;
          changed = true;
          change();
        },
      },
    );
    assert.ok(changed);
    return { code, stderr };
  };
  const grown = await slow('grows.csv', () => writeFileSync(path('grows.csv'), `${good(1)}\n`, { flag: 'a' }));
  assert.equal(grown.code, 0, grown.stderr);
  assert.match(grown.stderr, /grows\.csv grew from \d+ to \d+ bytes while it was read: its last row may have been cut/);
  const cut = await slow('shrinks.csv', () => truncateSync(path('shrinks.csv'), 1000));
  assert.equal(cut.code, 5);
  assert.match(cut.stderr, /ANM_FILE.*shrinks\.csv changed while it was read: it has 1000 bytes/);
  const replaced = await slow('replaced.csv', () => {
    rmSync(path('replaced.csv'));
    write('other.csv', csv(good(1)));
    write('replaced.csv', csv(good(1)));
  });
  assert.equal(replaced.code, 5);
  assert.match(replaced.stderr, /ANM_FILE.*replaced\.csv changed while it was read/);
});

test('a deflate block of an Avro file that would burst is refused', async () => {
  const header = readFileSync(`${FOREIGN}/readings.deflate.avro`);
  const sync = header.subarray(header.length - 16);
  const end = header.indexOf(sync) + 16;
  const bomb = deflateRawSync(Buffer.alloc(300 * 1024 * 1024));
  const varint = (value: number) => {
    const bytes = [];
    let rest = value * 2;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    return Buffer.from([...bytes, rest]);
  };
  write('bomb.avro', Buffer.concat([header.subarray(0, end), varint(1), varint(bomb.length), bomb, sync]));
  const { code, stderr } = await produce('bomb.avro');
  assert.equal(code, 5);
  assert.match(stderr, /ANM_FILE.*block 1 of bomb\.avro/);
});
