import type { TopicInfo } from '../../clients/client.ts';
import type { ScoreConfig } from '../../config/pipelineConfig.ts';
import { journalTopic } from '../../runtime/journal/journalRecord.ts';
import { pipelineTopics } from '../../runtime/topics/runTopics.ts';
import { newTopic, type SourceShape, TOPIC_TABLE } from '../../runtime/topics/topicTable.ts';
import { fail, ok, type Seen, warn } from './check.ts';
import type { Doctor } from './doctor.ts';

export async function checkPipeline({ pipeline }: Doctor): Promise<readonly Seen[]> {
  const { defineJob } = await import('../../runtime/job.ts');
  const { pipeline: name, source, windows, score, guarantee } = pipeline;
  const parts = [
    ...(windows.length === 0 ? [] : [`windows ${windows.map((each) => each.name).join(', ')}`]),
    ...(score === undefined ? [] : [`${score.detector} on ${score.on}`]),
  ];
  // What a model reads is known when it is loaded.
  defineJob(score === undefined ? pipeline : { ...pipeline, score: withoutModel(score) }, 'run');
  return [ok(`${name}: reads ${source.topics.join(', ')}; ${parts.join('; ')}; ${guarantee}`)];
}

function withoutModel({ model: _, ...score }: ScoreConfig): ScoreConfig {
  return score;
}

export async function checkSourceTopics(doctor: Doctor): Promise<readonly Seen[]> {
  const { source } = doctor.pipeline;
  const found = await doctor.topics();
  const rows = await Promise.all(source.topics.map((name) => sourceRow(doctor, name, found)));
  const counts = new Set(found.map((topic) => topic.partitions.length));
  if (counts.size > 1) {
    const detail = `source topics have ${found.map((topic) => `${topic.name} ${topic.partitions.length}`).join(', ')} partitions`;
    rows.push(warn(detail, 'a series must be in one partition number of all of them; --repartition sees to it'));
  }
  return rows;
}

async function sourceRow(doctor: Doctor, name: string, found: readonly TopicInfo[]): Promise<Seen> {
  const topic = found.find((each) => each.name === name);
  if (topic === undefined)
    return fail(
      `source topic ${name} does not exist`,
      `rpk topic create ${name} -p 4, or anomaly produce FILE --topic ${name}`,
    );
  const count = `source topic ${name} has ${topic.partitions.length} partition${topic.partitions.length === 1 ? '' : 's'}`;
  const leaderless = topic.partitions.filter((each) => each.leader < 0).length;
  if (leaderless > 0) {
    return fail(`${count}, ${leaderless} without a leader`, 'rpk cluster health shows which brokers are down');
  }
  const policy = (await doctor.configs(name))?.get('cleanup.policy') ?? 'unknown';
  if (!policy.includes('compact')) return ok(`${count}, cleanup.policy ${policy}`);
  const detail = `${count} and is compacted (cleanup.policy=${policy}): older values of a key vanish, so a restart may compute other windows than the first run`;
  return warn(detail, `rpk topic alter-config ${name} --set cleanup.policy=delete`);
}

/** Whether each topic that is written may be written to with acks=all. */
export async function checkReplication(doctor: Doctor): Promise<readonly Seen[]> {
  const { admin } = await doctor.client();
  const names = pipelineTopics(doctor.pipeline, { repartition: false }).map(({ name }) => name);
  const topics = [...(await doctor.topics()), ...(await admin.topics(names))];
  const { brokers } = await admin.cluster();
  const rows: Seen[] = [];
  for (const { name, partitions } of topics) {
    const replicas = Math.min(...partitions.map((each) => each.replicas.length));
    const least = Number((await doctor.configs(name))?.get('min.insync.replicas') ?? 1);
    if (replicas < least) {
      const detail = `${name} has ${replicas} replica${replicas === 1 ? '' : 's'} and min.insync.replicas=${least}: nothing can be written to it with acks=all`;
      rows.push(
        fail(
          detail,
          `rpk topic alter-config ${name} --set replication.factor=${least}, or a smaller min.insync.replicas`,
        ),
      );
    } else if (replicas === 1 && brokers.length > 1) {
      const detail = `${name} has one replica in a cluster of ${brokers.length} brokers: it is gone with its broker`;
      rows.push(warn(detail, `rpk topic alter-config ${name} --set replication.factor=3`));
    }
  }
  return rows.length > 0
    ? rows
    : [ok(`${topics.length === 1 ? '1 topic has' : `${topics.length} topics have`} the replicas that a write needs`)];
}

/** The topics that are written: their partitions, policies and how long they keep records. */
export async function checkSinks(doctor: Doctor): Promise<readonly Seen[]> {
  const { sourceShape } = await import('../../runtime/topics/topics.ts');
  const { admin } = await doctor.client();
  const shape = await sourceShape(admin, await doctor.topics());
  const topics = pipelineTopics(doctor.pipeline, { repartition: false });
  const found = await admin.topics(topics.map(({ name }) => name));
  const rows: Seen[] = [];
  const missing: string[] = [];
  for (const topic of topics) {
    const info = found.find(({ name }) => name === topic.name);
    if (info === undefined) missing.push(topic.name);
    else rows.push(...(await sinkRows(doctor, topic, info, shape)));
  }
  const isJournal = topics.some(({ name }) => name === journalTopic(doctor.pipeline.group));
  if (missing.length > 0 && isJournal) {
    rows.push(
      ok(`will be created when they are needed: ${missing.join(', ')} (or now: anomaly run --create-topics-only)`),
    );
  }
  return rows;
}

async function sinkRows(
  doctor: Doctor,
  topic: ReturnType<typeof pipelineTopics>[number],
  { name, partitions }: TopicInfo,
  shape: SourceShape,
): Promise<Seen[]> {
  const wanted = newTopic(topic, shape);
  const row = TOPIC_TABLE[topic.kind];
  const configs = await doctor.configs(name);
  const policy = configs?.get('cleanup.policy') ?? row.policy;
  const rows: Seen[] = [];
  const missing = wanted.partitions - partitions.length;
  const count = `${name} has ${partitions.length} partition${partitions.length === 1 ? '' : 's'}`;
  if (missing > 0) {
    rows.push(fail(`${count}, the source ${wanted.partitions}`, `rpk topic add-partitions ${name} -n ${missing}`));
  } else if (missing < 0 && row.partitions === 1) {
    rows.push(fail(`${count}: its records have no order then`, `delete ${name}, and let the next start make it`));
  }
  if (policy.includes('compact') !== (row.policy === 'compact')) {
    const detail = `${name} has cleanup.policy=${policy} and needs ${row.policy}, as it holds ${row.holds}`;
    const alter = `rpk topic alter-config ${name} --set cleanup.policy=${row.policy}`;
    rows.push(topic.kind === 'journal' || row.policy === 'compact' ? fail(detail, alter) : warn(detail, alter));
  }
  const kept = configs?.get('retention.ms');
  const asked = wanted.configs?.['retention.ms'];
  if (kept !== undefined && asked !== undefined && policy.includes('delete') && isShorter(kept, asked)) {
    const why =
      row.retention === 'source'
        ? 'its records carry the times of the source, which is kept longer'
        : `it holds ${row.holds}`;
    const detail = `${name} keeps records for ${kept} ms and needs ${asked}: ${why}`;
    rows.push(warn(detail, `rpk topic alter-config ${name} --set retention.ms=${asked}`));
  }
  return rows.length > 0 ? rows : [ok(`${count}, cleanup.policy ${policy}`)];
}

function isShorter(kept: string, asked: string): boolean {
  const of = (text: string) => (Number(text) < 0 ? Infinity : Number(text));
  return of(kept) < of(asked);
}

export async function checkGroup(doctor: Doctor): Promise<readonly Seen[]> {
  const { group } = doctor.pipeline;
  const { admin } = await doctor.client();
  const { state, members, protocol } = await admin.describeGroup(group);
  if (state === 'Dead' || state === 'Empty' || state === '') return [ok(`group ${group} has no members`)];
  const count = `${members.length} member${members.length === 1 ? '' : 's'}`;
  const detail = `group ${group} is ${state} with ${count} (${protocol})`;
  const partitions = Math.max(...(await doctor.topics()).map((topic) => topic.partitions.length));
  if (members.length <= partitions) return [ok(detail)];
  const fix = 'start fewer, or add partitions to the source before the next load';
  return [
    warn(
      `${detail}, and the source has ${partitions} partitions: ${members.length - partitions} have nothing to do`,
      fix,
    ),
  ];
}
