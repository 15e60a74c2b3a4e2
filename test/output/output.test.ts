import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { parse } from 'yaml';
import { wantsColor } from '../../src/output/color.ts';
import { toJson, verbatim } from '../../src/output/json.ts';
import type { OutputFormat } from '../../src/output/output.ts';
import { StreamOutput } from '../../src/output/streamOutput.ts';
import { renderTable, textWidth } from '../../src/output/table.ts';

interface Row {
  readonly topicName: string;
  readonly lagRecords: number | null;
}

const ROWS: readonly Row[] = [
  { topicName: 'a', lagRecords: 1234567 },
  { topicName: 'longer', lagRecords: null },
];
const COLUMNS = [
  { header: 'topic', value: (row: Row) => row.topicName },
  { header: 'lag', value: (row: Row) => row.lagRecords, align: 'right' as const },
  { header: 'hidden', value: () => 'x', wide: true },
];

async function written(format: OutputFormat, write: (output: StreamOutput) => Promise<void>): Promise<string> {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  await write(new StreamOutput(stream, format, false));
  return text;
}

test('a table has aligned columns, a dash for null and no trailing spaces', async () => {
  const text = await written('text', (output) => output.table('lags', ROWS, COLUMNS));
  assert.equal(text, 'TOPIC         LAG\na       1,234,567\nlonger          -\n');
  const wide = await written('wide', (output) => output.table('lags', ROWS, COLUMNS));
  assert.equal(wide.split('\n')[0], 'TOPIC         LAG  HIDDEN');
});

test('json and yaml carry a schema version and snake_case keys, ndjson a row a line', async () => {
  const json = await written('json', (output) => output.table('lags', ROWS, COLUMNS));
  const expected = {
    schema_version: 1,
    lags: [
      { topic_name: 'a', lag_records: 1234567 },
      { topic_name: 'longer', lag_records: null },
    ],
  };
  assert.deepEqual(JSON.parse(json), expected);
  const yaml = await written('yaml', (output) => output.table('lags', ROWS, COLUMNS));
  assert.deepEqual(parse(yaml), expected);
  const lines = (await written('ndjson', (output) => output.table('lags', ROWS, COLUMNS))).trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    expected.lags,
  );
});

test('documents and lines', async () => {
  const value = { p99Ms: 4, at: new Date(0) };
  const document = await written('json', (output) => output.document(value, () => 'text'));
  assert.deepEqual(JSON.parse(document), { schema_version: 1, p99_ms: 4, at: '1970-01-01T00:00:00.000Z' });
  assert.equal(await written('text', (output) => output.document(value, () => 'text')), 'text\n');
  const line = await written('json', (output) => output.line(value, () => 'text'));
  assert.equal(line, '{"p99_ms":4,"at":"1970-01-01T00:00:00.000Z"}\n');
});

test('JSON of what JSON cannot hold, and keys that are the data of users', () => {
  const value = {
    bigCount: 2n ** 60n,
    largeDouble: 1e20,
    notNumber: Number.NaN,
    rawBytes: new Uint8Array([1, 2, 255]),
    byName: new Map([['camelCase', 1]]),
    record: verbatim({ sensorId: { innerKey: 1 } }),
    left: undefined,
  };
  assert.deepEqual(toJson(value), {
    big_count: '1152921504606846976',
    large_double: 1e20,
    not_number: null,
    raw_bytes: 'AQL/',
    by_name: { camelCase: 1 },
    record: { sensorId: { innerKey: 1 } },
  });
});

test('columns keep their places beside wide characters and styles', () => {
  assert.equal(textWidth('温度'), 4);
  assert.equal(textWidth('\u001b[31mred\u001b[0m'), 3);
  const text = renderTable(
    [{ name: '温度' }, { name: 'abcde' }],
    [
      { header: 'name', value: (row) => row.name },
      { header: 'x', value: () => 'y' },
    ],
    { wide: false, color: false },
  );
  assert.equal(text, 'NAME   X\n温度   y\nabcde  y');
});

test('colour: --color, NO_COLOR, FORCE_COLOR, TERM=dumb, terminal, in this order', () => {
  assert.equal(wantsColor('always', { NO_COLOR: '1' }, false), true);
  assert.equal(wantsColor('never', { FORCE_COLOR: '1' }, true), false);
  assert.equal(wantsColor('auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, true), false);
  assert.equal(wantsColor('auto', { NO_COLOR: '', FORCE_COLOR: '1' }, false), true);
  assert.equal(wantsColor('auto', { CLICOLOR_FORCE: '1', TERM: 'dumb' }, false), true);
  assert.equal(wantsColor('auto', { FORCE_COLOR: '0' }, true), false);
  assert.equal(wantsColor('auto', { TERM: 'dumb' }, true), false);
  assert.equal(wantsColor('auto', { TERM: 'xterm' }, true), true);
  assert.equal(wantsColor('auto', { TERM: 'xterm' }, false), false);
});
