import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { TextOutput } from '../../src/output/textOutput.ts';
import { definePipeline } from '../../src/runtime/definition/definition.ts';
import { WindowWatch } from '../../src/runtime/definition/windowWatch.ts';
import { LineSchemas } from '../../src/runtime/input/lineSchemas.ts';
import type { NumberedLine } from '../../src/runtime/input/lines.ts';
import { SourceSchemas } from '../../src/runtime/input/sourceSchemas.ts';
import { NdjsonSink } from '../../src/runtime/output/rowSink.ts';
import { Pipe } from '../../src/runtime/pipes.ts';
import { RecordTask } from '../../src/runtime/recordTask.ts';
import { WindowRowTask } from '../../src/runtime/windowRowTask.ts';
import { configOf, LogLines } from './helpers/config.ts';

type Line = Record<string, unknown>;
const YAML =
  'source: {topics: [t], time: ts, format: json}\ntime: {out_of_orderness: 0s, max_ahead: off}\n' +
  'windows: [{name: w1m, type: tumbling, size: 1m}]\n';

const record = (partition: number, offset: number, second: number, value: unknown = second): Line => ({
  type: 'record',
  topic: 't',
  partition,
  offset,
  record_time: 1_700_000_000_000 + offset,
  // A series lives in one partition.
  key: `a${partition}`,
  value: { ts: 1_699_999_980_000 + second * 1000, value },
});

async function run(chunks: readonly (readonly Line[])[], leaveOpen = false, kind: 'record' | 'window' = 'record') {
  const config = await configOf(YAML);
  const definition = definePipeline(config);
  const output = new PassThrough();
  const log = new LogLines();
  let number = 0;
  async function* input() {
    for (const chunk of chunks) yield chunk.map((value): NumberedLine => ({ number: ++number, value }));
  }
  const schemas = new LineSchemas(undefined);
  const pipe = new Pipe({
    input: input(),
    inputName: 'stdin',
    kind,
    sink: new NdjsonSink(new TextOutput(output), config, { windows: true, alerts: false }),
    config,
    schemas,
    maxBadRate: 0.5,
    leaveOpen,
    logger: log,
    signal: new AbortController().signal,
    createTask: (topic, partition) =>
      kind === 'window'
        ? new WindowRowTask(topic, partition, definition, undefined, new WindowWatch(log))
        : new RecordTask(topic, partition, definition, config, new SourceSchemas(config, schemas, log)),
  });
  // Read from the start on: a pipe that nobody reads fills up.
  const read = output.toArray();
  const totals = await pipe.run().finally(() => output.end());
  const text = (await read).join('');
  const lines = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  return { totals, lines, log };
}

test('chunks make no difference, nor does the mixing of partitions', async () => {
  const ones = Array.from({ length: 2500 }, (_, i) => record(0, i, i));
  const twos = Array.from({ length: 2500 }, (_, i) => record(1, i, i * 2));
  const apart = await run([ones, twos]);
  const turns = ones.flatMap((line, i) => [line, twos[i]!]);
  const mixed = await run([turns.slice(0, 777), [], turns.slice(777)]);
  const of = (lines: Line[], partition: number) => lines.filter((line) => line['partition'] === partition);
  for (const partition of [0, 1]) {
    const windows = of(apart.lines, partition);
    assert.ok(windows.length > 40);
    assert.deepEqual(of(mixed.lines, partition), windows);
  }
  assert.deepEqual(mixed.totals, apart.totals);
  assert.equal(apart.totals.records, 5000);
});

test('open windows are closed at the end, unless they are to be left open', async () => {
  const lines = [record(0, 0, 0), record(0, 1, 30), record(0, 2, 61)];
  assert.equal((await run([lines])).lines.length, 2);
  assert.equal((await run([lines], true)).lines.length, 1);
});

test('late and bad records are counted, and said with their place', async () => {
  const { totals, log } = await run([[record(0, 0, 120), record(0, 1, 0), record(0, 2, 121, 'x'), record(0, 3, 122)]]);
  assert.deepEqual([totals.late, totals.rejected, totals.records], [1, 1, 4]);
  assert.match(
    log.lines.join('\n'),
    /left out t\/0 offset 2: [\s\S]*left out 1 of 4 lines or records[\s\S]*left out 1 late records \(25\.0 %\)/,
  );
});

test('a line of no earlier stage, or a window that lacks its parts, is left out with its number', async () => {
  const window = { series: 'a', window: 'w1m', field: 'value', start: 0, end: 1, record_time: 0 };
  const bad: Line[] = [
    { hello: 1 },
    { type: 'window', topic: 't', partition: 0 },
    { type: 'window', topic: 't', partition: 0, ...window },
  ];
  const good = [0, 30, 61, 62].map((second, offset) => record(0, offset, second));
  const { totals, log, lines } = await run([[good[0]!, ...bad, ...good.slice(1)]]);
  assert.deepEqual([totals.records, totals.rejected, lines.length], [7, 3, 2]);
  assert.match(
    log.lines.join('\n'),
    /line 2 of stdin: it is no record [\s\S]*line 3 of stdin: it is no record [\s\S]*line 4 of stdin: it is a window after records/,
  );
});

test('more bad lines than allowed stop the pipe with their reason, however short the input is when none is good', async () => {
  const good = Array.from({ length: 10 }, (_, i) => record(0, i, i));
  const bad = Array.from({ length: 11 }, (): Line => ({ hello: 1 }));
  await assert.rejects(run([[...good, ...bad]]), /ANM_BAD_DATA|11 of the last 21 records .* line 21 of stdin/);
  await assert.rejects(run([bad.slice(0, 2)]), /none of its 2 lines or records can be read/);
});
