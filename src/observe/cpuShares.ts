/** A V8 CPU profile (.cpuprofile), as far as it is read here. Source: Chrome DevTools Protocol, Profiler.Profile. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      /** From 0 on. */
      readonly lineNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  /** Microseconds. */
  readonly startTime: number;
  readonly endTime: number;
  /** Node of each sample, and microseconds since the one before. */
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

/** What the time of a run goes to, in the order of a record's way; `wait` is the event loop with nothing to do. */
export const CPU_OPERATORS = [
  'fetch',
  'decode',
  'keys',
  'time',
  'windows',
  'features',
  'score',
  'model',
  'sink',
  'commit',
  'checkpoint',
  'status',
  'gc',
  'other',
  'wait',
] as const;
export type CpuOperator = (typeof CPU_OPERATORS)[number];

export interface CpuShares {
  /** Milliseconds by operator; those without any are absent. */
  readonly timesMs: Readonly<Partial<Record<CpuOperator, number>>>;
  readonly totalMs: number;
}

/** By the source file of a function, first match. What the table does not know belongs to its caller. */
const PLACES: readonly (readonly [RegExp, CpuOperator])[] = [
  [/^src\/engine\/(decode|recordSelect|expressions)/, 'decode'],
  [/^src\/engine\/(key|seriesTable|seriesKnowledge|placement|readAhead|recentSeries|hotSeries|coldStore)/, 'keys'],
  [/^src\/engine\/time\//, 'time'],
  [/^src\/engine\/windows\//, 'windows'],
  [/^src\/engine\/feature/, 'features'],
  [/^src\/engine\/model/, 'model'],
  [/^src\/engine\/(detectors|watches|score|scoring|columnScoring|alert|calendar)/, 'score'],
  [/^src\/engine\/(state|rowSnapshot|pipelineState)/, 'checkpoint'],
  [/^src\/runtime\/(checkpoints|recovery)\/|^src\/stores\//, 'checkpoint'],
  [/^src\/runtime\/model\/|^src\/models\//, 'model'],
  [/^src\/runtime\/(commit|journal)\/|^src\/clients\/\w+\/transaction/, 'commit'],
  [/^src\/runtime\/(output\/|input\/timeMerge|repartition)/, 'sink'],
  [/^src\/clients\/\w+\/(produce|outgoing|partitionQueue)|^src\/wire\/(batchWriter|produce|byteOutput)/, 'sink'],
  [/^src\/clients\/\w+\/(fetch|brokerFetcher|responseReader|consumer|assigned|frameBuffer|messageQueues)/, 'fetch'],
  [/^src\/wire\/(records|partitionReader|batchHeader|fetch|compression|lz|snappy|zstd|continuity|control)/, 'fetch'],
  [/^src\/runtime\/(status|metrics|control)\/|^src\/runtime\/(operation|localMember)|^src\/observe\//, 'status'],
];

/**
 * Shares of the operators: each sample belongs to the innermost function of ours on its stack that the table knows, so
 * what node and V8 do on behalf of an operator is the operator's.
 *
 * @param sourceOf path of the source of a function, as src/engine/batch.ts; undefined for what is not ours
 */
export function cpuShares(
  { nodes, samples = [], timeDeltas = [] }: CpuProfile,
  sourceOf: (url: string, lineNumber: number) => string | undefined,
): CpuShares {
  const operators = new Map<number, CpuOperator>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const children = new Set(nodes.flatMap((node) => node.children ?? []));
  const open: { readonly id: number; readonly from: CpuOperator }[] = nodes
    .filter(({ id }) => !children.has(id))
    .map(({ id }) => ({ id, from: 'other' }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const node = byId.get(next.id);
    if (node === undefined) continue;
    const operator = operatorOf(node.callFrame, sourceOf) ?? next.from;
    operators.set(node.id, operator);
    for (const id of node.children ?? []) open.push({ id, from: operator });
  }
  const timesMs: Partial<Record<CpuOperator, number>> = {};
  let totalMs = 0;
  samples.forEach((id, i) => {
    // The clock of the samples may step back by a little.
    const timeMs = Math.max(0, timeDeltas[i] ?? 0) / 1000;
    const operator = operators.get(id) ?? 'other';
    timesMs[operator] = (timesMs[operator] ?? 0) + timeMs;
    totalMs += timeMs;
  });
  return { timesMs, totalMs };
}

function operatorOf(
  { functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame'],
  sourceOf: (url: string, lineNumber: number) => string | undefined,
): CpuOperator | undefined {
  if (functionName === '(idle)') return 'wait';
  if (functionName === '(garbage collector)') return 'gc';
  const source = url === '' ? undefined : sourceOf(url, lineNumber);
  return source === undefined ? undefined : PLACES.find(([pattern]) => pattern.test(source))?.[1];
}

/** Of several members. */
export function addShares(a: CpuShares, b: CpuShares): CpuShares {
  const timesMs: Partial<Record<CpuOperator, number>> = {};
  for (const operator of CPU_OPERATORS) {
    const timeMs = (a.timesMs[operator] ?? 0) + (b.timesMs[operator] ?? 0);
    if (timeMs > 0) timesMs[operator] = timeMs;
  }
  return { timesMs, totalMs: a.totalMs + b.totalMs };
}

/** Shares of the time at work, which `wait` is no part of, largest first; then `wait`, of the whole. */
export function shareRows({ timesMs, totalMs }: CpuShares): { operator: CpuOperator; timeMs: number; share: number }[] {
  const waitMs = timesMs.wait ?? 0;
  const busyMs = totalMs - waitMs;
  const rows = CPU_OPERATORS.filter((operator) => operator !== 'wait' && timesMs[operator] !== undefined).map(
    (operator) => ({ operator, timeMs: timesMs[operator]!, share: busyMs > 0 ? timesMs[operator]! / busyMs : 0 }),
  );
  rows.sort((a, b) => b.timeMs - a.timeMs);
  if (timesMs.wait === undefined) return rows;
  return [...rows, { operator: 'wait', timeMs: waitMs, share: totalMs > 0 ? waitMs / totalMs : 0 }];
}
