// What the alert stage leaves of raw alerts: a generated plant of 200 correlated series with usual peaks and faults, and NAB
// replayed as one stream. Everything has its default: detector auto at medium sensitivity, and the keys of alerts.

import { type Evidence, evidenceOf } from '../src/alerts/stage/evidence.ts';
import { IncidentBook } from '../src/alerts/stage/incidentBook.ts';
import { Silences } from '../src/alerts/stage/silences.ts';
import { defaultAlerts } from '../src/config/alerts.ts';
import type { PipelineDefinition } from '../src/engine/definition.ts';
import { shapingFor } from '../src/engine/detectors/create.ts';
import type { PartitionPipeline } from '../src/engine/pipeline.ts';
import type { LabelledSeries } from '../src/eval/labelledSeries.ts';
import { runSeries } from '../src/eval/scoring.ts';
import { plant } from '../src/eval/synthetic/plant.ts';
import type { Notification } from '../src/observe/notification.ts';
import { anomalyObject } from '../src/runtime/output/rowObjects.ts';
import { loadNab } from '../test/helpers/nabData.ts';

const STEP_MS = 300_000;
/** A detector may need a few values more than the fault lasts. */
const LATE_MS = 3 * STEP_MS;

/** What is to be found: an alert of one of the series in its time finds it. */
interface Wanted {
  readonly startMs: number;
  readonly endMs: number;
  readonly series: ReadonlySet<string>;
}

export interface StreamFigures {
  readonly series: number;
  /** Alerts as the detector shapes them, hysteresis and refractory time included. */
  readonly raw: number;
  readonly incidents: number;
  /** Notifications: of incidents that open, of updates, and of resolves. */
  readonly opened: number;
  readonly updates: number;
  readonly resolved: number;
  /** Openings and updates, as a part of the raw alerts. */
  readonly share: number;
  readonly faults: number;
  readonly foundByRaw: number;
  /** Of those found by raw: named, by the very alert that found it, in an opening or an update. */
  readonly foundAfter: number;
  readonly lost: readonly string[];
  /** Raw alerts by what became of them. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface PlantResult {
  readonly plant: StreamFigures;
  readonly nab: StreamFigures;
}

const DEFINITION: PipelineDefinition = {
  fields: ['value'],
  outOfOrdernessMs: 0,
  windows: [],
  features: [],
  score: {
    on: null,
    detector: { detector: 'auto', sensitivity: 'medium', window: 64, minCount: 8, stepMs: 900_000 },
    rules: ['auto@value'],
    shaping: { ...shapingFor('auto'), tellsEnd: true },
    limits: () => ({ min: -Infinity, max: Infinity }),
    isUniform: true,
  },
};

/** @param seed another one draws another plant */
export async function plantBench(seed?: number): Promise<PlantResult> {
  const { series, faults, judgedFromMs } = plant(seed);
  const wanted = faults.map(({ startMs, endMs, series: names }) => ({ startMs, endMs, series: new Set(names) }));
  const nab = loadNab();
  const events = nab.flatMap(({ name, events: labels }) =>
    labels.map(({ startMs, endMs }) => ({ startMs, endMs, series: new Set([name]) })),
  );
  return {
    plant: judge(await evidenceOfAll(series), series.length, wanted, judgedFromMs),
    nab: judge(await evidenceOfAll(nab), nab.length, events, -Infinity),
  };
}

/** All rows of the anomalies topic, by event time. */
async function evidenceOfAll(all: readonly LabelledSeries[]): Promise<Evidence[]> {
  const found: Evidence[] = [];
  for (const series of all) {
    const place = { topic: 'plant', partition: 0 };
    const take = (pipeline: PartitionPipeline) => {
      for (let row = 0; row < pipeline.alertRows.count; row++) {
        found.push(evidenceOf(anomalyObject(pipeline, row, place))!);
      }
    };
    await runSeries(DEFINITION, series, { onValue: () => {} }, take);
  }
  return found.sort((a, b) => a.startMs - b.startMs || (a.series < b.series ? -1 : 1));
}

function judge(
  evidence: readonly Evidence[],
  series: number,
  wanted: readonly Wanted[],
  fromMs: number,
): StreamFigures {
  const alerts = defaultAlerts();
  const book = new IncidentBook({
    ...alerts,
    pipeline: 'plant',
    kind: 'anomaly',
    silences: new Silences(),
    refractoryMs: () => 0,
  });
  const told: Notification[] = [];
  let before: Readonly<Record<string, number>> = {};
  let rawBefore = 0;
  let isJudged = false;
  let clockMs = evidence[0]!.startMs;
  const tick = (toMs: number) => {
    for (; clockMs < toMs; clockMs += STEP_MS) {
      if (!isJudged && clockMs >= fromMs) {
        isJudged = true;
        [before, rawBefore] = [{ ...book.counts }, book.alerts];
      }
      book.advance(clockMs, clockMs);
      told.push(...book.drain().told);
    }
  };
  for (const each of evidence) {
    tick(each.startMs);
    book.take(each, each.startMs);
    told.push(...book.drain().told);
  }
  tick(clockMs + 48 * 3_600_000);
  const judged = told.filter(({ updatedMs }) => updatedMs >= fromMs);
  const counted = (status: Notification['status']) => judged.filter((each) => each.status === status).length;
  const named = new Set(judged.filter(({ status }) => status !== 'resolved').flatMap((each) => each.alerts));
  const finders = wanted.map((one) => evidence.filter((each) => each.state !== 'resolved' && finds(each, one)));
  const byRaw = finders.filter((each) => each.length > 0);
  const after = byRaw.filter((each) => each.some(({ id }) => named.has(id)));
  const raw = book.alerts - rawBefore;
  const outcomes = Object.entries(book.counts).map(([name, count]) => [name, count - (before[name] ?? 0)]);
  return {
    ...{ series, raw, incidents: new Set(judged.map(({ id }) => id)).size },
    ...{ opened: counted('open'), updates: counted('update'), resolved: counted('resolved') },
    share: Number(((counted('open') + counted('update')) / raw).toFixed(3)),
    ...{ faults: wanted.length, foundByRaw: byRaw.length, foundAfter: after.length },
    lost: byRaw.filter((each) => !after.includes(each)).map((each) => each[0]!.id),
    outcomes: Object.fromEntries(outcomes),
  };
}

function finds({ series, startMs }: Evidence, wanted: Wanted): boolean {
  return wanted.startMs <= startMs && startMs < wanted.endMs + LATE_MS && wanted.series.has(series);
}

/** The section of docs/benchmarks.md. */
export function plantSection({ plant: one, nab }: PlantResult): string {
  const row = (name: string, each: StreamFigures) =>
    `| ${name} | ${each.raw} | ${each.opened} + ${each.updates} | ${Math.round(100 * each.share)} % | ${each.resolved} | ${each.faults} | ${each.foundByRaw} | ${each.foundAfter} |`;
  const outcomes = (each: StreamFigures) =>
    Object.entries(each.outcomes)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  return `## What the alert stage leaves

A generated plant (\`src/eval/synthetic/plant.ts\`): ${one.series} correlated series at five minutes over eight weeks, with usual peaks, and faults
in the last four; and NAB, its ${nab.series} series replayed as one stream. Everything has its default. Raw alerts are those that the detector
shapes, refractory time included. A fault is found after where the very alert that found it is named in an opening or an update.

| | raw alerts | opened + updates | of raw | resolves | faults | found by raw | found after |
|---|---|---|---|---|---|---|---|
${row('plant', one)}
${row('NAB', nab)}

Raw alerts by what became of them: plant ${outcomes(one)}; NAB ${outcomes(nab)}. The series of NAB have nothing to do with each other, so there is
little to group in it.`;
}
