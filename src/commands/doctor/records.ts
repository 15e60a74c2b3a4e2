import type { TopicInfo } from '../../clients/client.ts';
import { formatDuration } from '../../config/duration.ts';
import { formatTime } from '../../output/format.ts';
import { connectRegistry } from '../connections.ts';
import { type SampledRecord, sampleTopic, valueAt } from '../topicSample.ts';
import { fail, ok, type Seen, skip, warn } from './check.ts';
import type { Doctor } from './doctor.ts';

/** Last records of each partition that are looked at. */
const SAMPLE = 200;
/** Share of records that cannot be decoded above which a run stops (--max-bad-rate). */
const MOST_BAD = 0.1;

/** Whether what is in the source can be read as the pipeline is told to, and each series is in one partition. */
export async function checkRecords(doctor: Doctor): Promise<readonly Seen[]> {
  const { context, pipeline } = doctor;
  if (pipeline.source.format === 'csv') return [skip('CSV values are read by place, so no names can be looked for')];
  const client = await doctor.client();
  const rows: Seen[] = [];
  const seen = new Map<string, string>();
  for (const topic of await doctor.topics()) {
    const records = await sampleTopic(client, connectRegistry(context), topic, SAMPLE, context.signal);
    rows.push(recordsRow(doctor, topic, records), ...splitRows(doctor, topic, records, seen));
  }
  return rows;
}

function recordsRow({ pipeline }: Doctor, { name }: TopicInfo, records: readonly SampledRecord[]): Seen {
  if (records.length === 0) return warn(`${name} is empty`, `load data with anomaly produce FILE --topic ${name}`);
  const { key, time, fields } = pipeline.source;
  const broken = records.filter(({ value }) => value instanceof Error);
  if (broken.length > 0) {
    const { partition, offset, value } = broken[0]!;
    const detail = `${broken.length} of the last ${records.length} records of ${name} cannot be decoded, the first at ${partition}/${offset}: ${(value as Error).message}`;
    const fix = 'check source.format and the registry; anomaly tail shows the record';
    return broken.length > records.length * MOST_BAD
      ? fail(detail, fix)
      : warn(detail, `${fix}; they go to dead letters`);
  }
  const wanted = [
    ...(key === undefined ? [] : [['source.key', key] as const]),
    ...(time === undefined ? [] : [['source.time', time] as const]),
    ...Object.values(fields).map((path) => ['source.fields', path] as const),
  ];
  for (const [setting, path] of wanted) {
    if (records.some(({ value }) => valueAt(value, path) !== undefined)) continue;
    const names = Object.keys((records.at(-1)!.value ?? {}) as object).join(', ') || 'no members';
    return fail(
      `none of the last ${records.length} records of ${name} has ${path} (${setting}); they have ${names}`,
      `set ${setting}; anomaly init ${name} proposes keys`,
    );
  }
  if (key === undefined && records.every((each) => each.key === null)) {
    return warn(
      `the records of ${name} have no key and source.key is not set: all of a partition are one series`,
      'set source.key to the field that names the series',
    );
  }
  return ok(`the last ${records.length} records of ${name} can be read`);
}

function splitRows(
  { pipeline }: Doctor,
  { name }: TopicInfo,
  records: readonly SampledRecord[],
  seen: Map<string, string>,
): Seen[] {
  const { key } = pipeline.source;
  for (const record of records) {
    const series = key === undefined ? record.key : valueAt(record.value, key);
    if (series === null || series === undefined) continue;
    const place = `${record.partition}`;
    const before = seen.get(String(series));
    if (before !== undefined && before !== place) {
      const detail = `series ${String(series)} is in partitions ${before} and ${place} of ${name}: windows and detectors need all of it in one`;
      return [fail(detail, 'run with --repartition, or let the producer place records by that key')];
    }
    seen.set(String(series), place);
  }
  return [];
}

/** Whether the broker is about to delete records by their own timestamps. */
export async function checkRetention(doctor: Doctor): Promise<readonly Seen[]> {
  const { context } = doctor;
  const client = await doctor.client();
  const rows: Seen[] = [];
  for (const topic of await doctor.topics()) {
    const configs = await doctor.configs(topic.name);
    if (configs === null) {
      rows.push(skip(`the client cannot read the configuration of ${topic.name}`));
      continue;
    }
    const retentionMs = Number(configs.get('retention.ms') ?? -1);
    const isDeleting = (configs.get('cleanup.policy') ?? 'delete').includes('delete');
    const byArrival = configs.get('message.timestamp.type') === 'LogAppendTime';
    if (!isDeleting || !(retentionMs >= 0)) rows.push(ok(`${topic.name} keeps records for good`));
    else if (byArrival) rows.push(ok(`${topic.name} keeps records ${formatDuration(retentionMs)} after they arrive`));
    else {
      const records = await sampleTopic(client, connectRegistry(context), topic, 1, context.signal);
      rows.push(retentionRow(topic.name, records, retentionMs, context.now()));
    }
  }
  return rows;
}

function retentionRow(name: string, newest: readonly SampledRecord[], retentionMs: number, nowMs: number): Seen {
  const kept = `${name} keeps records ${formatDuration(retentionMs)} by their timestamps (retention.ms=${retentionMs})`;
  const doomed = newest.filter(({ recordTimeMs }) => recordTimeMs >= 0 && recordTimeMs < nowMs - retentionMs);
  if (doomed.length === 0) return ok(kept);
  const oldest = Math.min(...doomed.map(({ recordTimeMs }) => recordTimeMs));
  const partitions = doomed.map(({ partition }) => partition).join(', ');
  return fail(
    `${kept}, and the newest of partition ${partitions} is of ${formatTime(oldest)}: the broker deletes all of it`,
    `rpk topic alter-config ${name} --set retention.ms=-1, or load with anomaly produce --record-time now`,
  );
}
