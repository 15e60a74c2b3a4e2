// Checkpoints of released formats, as they lie in fixtures/checkpoints, are restored and go on as the version that wrote
// them did. UPDATE_FIXTURES=1 writes format 2 anew, which only a change before its release may need.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { KeyDictionary } from '../../src/engine/keys.ts';
import type { OperatorState } from '../../src/engine/operatorState.ts';
import { PartitionPipeline } from '../../src/engine/pipeline.ts';
import { definePipeline, stateHash } from '../../src/runtime/definition/definition.ts';
import { formatOneHash, operatorsOfFormatOne } from '../../src/runtime/recovery/formatOne.ts';
import { parseFormatOne } from '../../src/stores/checkpoints/formatOne.ts';
import { ObjectCheckpointStore } from '../../src/stores/checkpoints/objectCheckpointStore.ts';
import { FileObjectStore } from '../../src/stores/fileObjectStore.ts';
import { quickPolicy } from '../stores/helpers/policy.ts';
import { configOf } from './helpers/config.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/checkpoints', import.meta.url));
const read = (name: string) => readFileSync(`${FIXTURES}/${name}`);
const YAML = read('format-1/anomaly.yaml').toString();
const CLOSED = JSON.parse(read('format-1/closed.json').toString()) as {
  series: string;
  start: number;
  end: number;
  count: number;
  mean: number;
  min: number;
  max: number;
  stddev: number;
}[][];

async function formatOne(partition: number) {
  const name = `raw-sensors-${partition}.snapshot`;
  return { name, snapshot: await parseFormatOne(new Uint8Array(read(`format-1/${name}`)), name) };
}

/** Restores, checks that nothing got lost, closes what is open, and compares with what version 0.1 put out. */
async function goesOn(operators: readonly OperatorState[], partition: number, allow: readonly string[] = []) {
  const pipeline = new PartitionPipeline(definePipeline(await configOf(YAML)), new KeyDictionary());
  pipeline.restore(operators, new Set(allow));
  assert.equal(pipeline.keys.size, 3);
  assert.equal(pipeline.watermark, partition === 0 ? 1_700_002_355_000 : 1_700_002_385_000);
  pipeline.close();
  const { windowRows: rows } = pipeline;
  const closed = Array.from({ length: rows.count }, (_, i) => ({
    series: pipeline.keys.text(rows.series[i]!),
    ...Object.fromEntries(['start', 'end'].map((name) => [name, rows[name as 'start'][i]])),
    ...Object.fromEntries(
      (['count', 'mean', 'min', 'max', 'stddev'] as const).map((name) => [name, rows.aggregate(name)[i]]),
    ),
  }));
  const wanted = CLOSED[partition]!.map(({ series, start, end, count, mean, min, max, stddev }) => ({
    series,
    start,
    end,
    count,
    mean,
    min,
    max,
    stddev,
  }));
  assert.deepEqual(closed, wanted);
}

test('format 1, of version 0.1, is restored and goes on as there; its detectors learn anew, where that is allowed', async () => {
  const config = await configOf(YAML);
  for (const partition of [0, 1]) {
    const { name, snapshot } = await formatOne(partition);
    assert.deepEqual([snapshot.topic, snapshot.partition, snapshot.offset], ['raw-sensors', partition, 120]);
    const operators = operatorsOfFormatOne(name, snapshot, config, definePipeline(config), 'run');
    await assert.rejects(goesOn(operators, partition), { code: 'ANM_STATE_INCOMPATIBLE', message: /score: state/ });
    await goesOn(operators, partition, ['score']);
  }
});

test('format 1 of another configuration is refused, and says why it cannot say more', async () => {
  const config = await configOf(YAML.replace('size: 5m', 'size: 6m'));
  const { name, snapshot } = await formatOne(0);
  assert.throws(() => operatorsOfFormatOne(name, snapshot, config, definePipeline(config), 'run'), {
    code: 'ANM_STATE_INCOMPATIBLE',
    message: /raw-sensors-0\.snapshot as it is of another definition .* does not say which operator differs/,
  });
  const same = await configOf(YAML.replace('size: 5m', 'size: 300s'));
  assert.equal(formatOneHash(same, 'run'), snapshot.definition);
});

test('any damage to a file of format 1 is refused by name', async () => {
  const bytes = new Uint8Array(read('format-1/raw-sensors-0.snapshot'));
  for (let at = 0; at < bytes.length; at += 7) {
    const damaged = bytes.slice();
    damaged[at] = damaged[at]! ^ 0x55;
    const parsed = parseFormatOne(damaged, 'x.snapshot').then(
      // A changed letter of a name or an offset in the header cannot be told: it has no hash of its own.
      ({ state }) => assert.ok(at < bytes.indexOf(10) && state.length === 1952),
      (error) => assert.match(String(error), /cannot use snapshot x\.snapshot as/),
    );
    await parsed;
    await assert.rejects(parseFormatOne(bytes.slice(0, at), 'x.snapshot'), { code: 'ANM_STATE_CORRUPT' });
  }
});

test('format 2, a manifest and a file an operator, is restored and goes on', async () => {
  const directory = `${FIXTURES}/format-2`;
  const store = new FileObjectStore(directory, directory, quickPolicy());
  const checkpoints = new ObjectCheckpointStore({ store, group: 'pump-room', cluster: 'c1' });
  if (process.env['UPDATE_FIXTURES'] === '1') await writeFormatTwo(directory, checkpoints);
  for (const partition of [0, 1]) {
    const [reference] = await checkpoints.list('raw-sensors', partition);
    const snapshot = await checkpoints.load(reference!);
    assert.equal(snapshot.offset, 120);
    await goesOn(snapshot.operators, partition);
  }
});

async function writeFormatTwo(directory: string, checkpoints: ObjectCheckpointStore): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  const config = await configOf(YAML);
  const definition = definePipeline(config);
  for (const partition of [0, 1]) {
    const { name, snapshot } = await formatOne(partition);
    const pipeline = new PartitionPipeline(definition, new KeyDictionary());
    pipeline.restore(operatorsOfFormatOne(name, snapshot, config, definition, 'run'), new Set(['score']));
    await checkpoints.save({
      pipeline: 'pump-room',
      group: 'pump-room',
      cluster: 'c1',
      topic: 'raw-sensors',
      partition,
      offset: 120,
      watermark: pipeline.watermark,
      checkpoint: 'fixture',
      savepoint: 'of-format-2',
      createdMs: 1_700_002_400_000,
      toolVersion: '0.2.0',
      definition: stateHash(definition),
      schemaIds: [],
      operators: pipeline.snapshot(),
    });
  }
}
