import { createHash } from 'node:crypto';
import type { PipelineDefinition } from '../engine/definition.ts';
import { KeyDictionary } from '../engine/keys.ts';
import type { OperatorState } from '../engine/operatorState.ts';
import { PartitionPipeline } from '../engine/pipeline.ts';
import { SnapshotReader, SnapshotWriter } from '../engine/state.ts';
import { AnomalyError } from '../errors.ts';
import { murmur2 } from '../wire/murmur2.ts';

/** One partition's state, before or after. */
export interface PartitionState {
  readonly partition: number;
  readonly operators: readonly OperatorState[];
}

/** What has to be the same before and after; sums do not depend on the order of series. */
export interface StateTotals {
  readonly series: number;
  /** Rows that the open windows would put out, and the values in them. */
  readonly openRows: number;
  readonly openValues: number;
  /** Over all series: of their names, and of every number of the rows of their open windows. */
  readonly checksum: string;
}

export interface Rescaled {
  readonly partitions: readonly PartitionState[];
  readonly before: StateTotals;
  readonly after: StateTotals;
}

/**
 * Redistributes the state of a topic's partitions by key, for another number of partitions: each series goes to where
 * Java's partitioner places its key. The watermark of a partition becomes the lowest of those that its series come from,
 * so that nothing is late that was not.
 *
 * @throws ANM_STATE_INCOMPATIBLE where the keys were placed otherwise, or the definition does not fit; ANM_INTERNAL where
 *   the totals differ
 */
export function rescale(definition: PipelineDefinition, given: readonly PartitionState[], count: number): Rescaled {
  const time = given[0]?.operators.find(({ id }) => id === 'time')?.definition as { watermark?: string } | undefined;
  if (time?.watermark !== 'partition') {
    throw new AnomalyError('ANM_UNSUPPORTED', `cannot rescale as the state has a watermark of each ${time?.watermark}`);
  }
  const sources = given.map((state) => ({ ...state, pipeline: restored(definition, state.operators) }));
  const moves: Move[][] = Array.from({ length: count }, () => []);
  for (const { partition, pipeline } of sources) {
    for (const { id, key } of seriesOf(pipeline)) {
      checkPlacement(pipeline, id, key, partition, given.length);
      moves[placeOf(key, count)]!.push({ id, key, from: pipeline });
    }
  }
  const empty = new PartitionPipeline(definition, new KeyDictionary()).snapshot();
  const partitions = moves.map((own, partition) => {
    const former = sources.find((each) => each.partition === partition)?.operators ?? empty;
    const origins = new Set(own.map(({ from }) => from));
    const watermarks = sources
      .map(({ pipeline }) => pipeline)
      .filter((each) => origins.size === 0 || origins.has(each));
    const state = timeState(former, Math.min(...watermarks.map(({ watermark }) => watermark)));
    const target = restored(definition, [state, ...empty.filter(({ id }) => id === 'keys')]);
    for (const { id, key, from } of own) target.state.adopt(target.keys.intern(key, 0, key.length), from.state, id);
    return { partition, operators: target.snapshot() };
  });
  const [before, after] = [totalsOf(definition, given), totalsOf(definition, partitions)];
  if (JSON.stringify(before) !== JSON.stringify(after)) {
    throw new AnomalyError(
      'ANM_INTERNAL',
      `cannot rescale as the totals differ: ${JSON.stringify(before)} before, ${JSON.stringify(after)} after`,
    );
  }
  return { partitions, before, after };
}

interface Move {
  readonly id: number;
  readonly key: Uint8Array;
  readonly from: PartitionPipeline;
}

/** Of a state, without changing it. */
export function totalsOf(definition: PipelineDefinition, states: readonly PartitionState[]): StateTotals {
  let [series, openRows, openValues, checksum] = [0, 0, 0, 0n];
  for (const { operators } of states) {
    const pipeline = restored(definition, operators);
    for (const { key } of seriesOf(pipeline)) {
      series++;
      checksum += hashOf(Buffer.from(key));
    }
    pipeline.close();
    const rows = pipeline.windowRows;
    for (let row = 0; row < rows.count; row++) {
      openRows++;
      openValues += rows.values[row]!;
      const numbers = [
        rows.window,
        rows.field,
        rows.start,
        rows.end,
        rows.values,
        rows.mean,
        rows.min,
        rows.max,
        rows.stddev,
      ];
      const bits = Float64Array.from(numbers, (column) => column[row]!);
      checksum += hashOf(Buffer.from(pipeline.keys.text(rows.series[row]!)), Buffer.from(bits.buffer));
    }
  }
  return { series, openRows, openValues, checksum: (checksum % 2n ** 64n).toString(16).padStart(16, '0') };
}

function restored(definition: PipelineDefinition, operators: readonly OperatorState[]): PartitionPipeline {
  const pipeline = new PartitionPipeline(definition, new KeyDictionary());
  pipeline.restore(operators, new Set());
  return pipeline;
}

/** Series with state and their keys, by id. */
function seriesOf(pipeline: PartitionPipeline): { readonly id: number; readonly key: Uint8Array }[] {
  const { keys } = pipeline;
  const found = [];
  for (let id = 0; id < keys.size; id++) {
    if (keys.has(id) && pipeline.state.table.has(id))
      found.push({ id, key: keys.arena.slice(keys.startOf(id), keys.endOf(id)) });
  }
  return found;
}

/** As Java's partitioner: the hash without its sign, by the number of partitions. */
function placeOf(key: Uint8Array, count: number): number {
  return (murmur2(key) & 0x7fffffff) % count;
}

function checkPlacement(
  pipeline: PartitionPipeline,
  id: number,
  key: Uint8Array,
  partition: number,
  count: number,
): void {
  const place = placeOf(key, count);
  if (place === partition) return;
  throw new AnomalyError(
    'ANM_STATE_INCOMPATIBLE',
    `cannot rescale as series ${pipeline.keys.name(id)} is in partition ${partition}, and Java's partitioner places its key in ${place} of ${count}`,
    { hint: 'what places these records is not known; run --repartition places them so that they can be' },
  );
}

/** Counts stay with the partition of the same number. */
function timeState(former: readonly OperatorState[], watermark: number): OperatorState {
  const { definition, bytes } = former.find(({ id }) => id === 'time')!;
  const reader = new SnapshotReader(bytes);
  const state = new SnapshotWriter();
  for (const name of ['records', 'late', 'lastOffset', 'lastRecordTime']) state.number(name, reader.number(name));
  state.number('watermark', watermark);
  return { id: 'time', definition, bytes: state.encode() };
}

function hashOf(...parts: readonly Uint8Array[]): bigint {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest().readBigUInt64LE(0);
}
