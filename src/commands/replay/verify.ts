import type { KafkaClient } from '../../clients/client.ts';
import type { TopicPartition } from '../../clients/topicPartition.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import { Recording } from '../../inputs/recording/recording.ts';
import { formatNumber } from '../../output/format.ts';
import { EntryReader, readJournal } from '../../runtime/journal/journalReader.ts';
import { type JournalEntry, journalTopic } from '../../runtime/journal/journalRecord.ts';
import { byKeyTopic, repartitioned } from '../../runtime/repartition.ts';
import { Verification, type VerifiedSource } from '../../runtime/verify/verification.ts';
import type { VerifiedPartition } from '../../runtime/verify/verifyPartition.ts';
import { openCheckpoints } from '../checkpoint/place.ts';
import type { CommandContext } from '../command.ts';
import { connectClient, connectRegistry } from '../connections.ts';
import { stoppedCode } from '../lifecycle.ts';
import { inputPlace } from '../places.ts';
import { withModelReads } from '../scoreModel.ts';
import { type ReplaySource, recordingSource, topicSource } from './source.ts';

/** `replay --verify`: runs a range of a pipeline again, and compares what comes out with what it has written. */
export async function runReplayVerify(context: CommandContext): Promise<number> {
  const { args, cwd, signal, settings, logger, flags } = context;
  for (const name of ['to', 'record', 'speed', 'follow']) {
    if (flags[name] !== undefined) throw new AnomalyError('ANM_USAGE', `--${name} means nothing with --verify`);
  }
  const configured = await withModelReads(context, settings.pipeline());
  const input = inputPlace(args[0]!, cwd);
  const client = await connectClient(context);
  try {
    const recording = input.kind === 'file' ? await Recording.open(input.path) : null;
    if (input.kind !== 'topic' && recording === null) {
      throw new AnomalyError('ANM_USAGE', `cannot verify with ${args[0]} as it is no topic and no recording`);
    }
    const source =
      recording === null ? await topicSource(context, client, args[0]!) : await recordingSource(context, recording);
    // With --repartition the pipeline read the copy, which is the source of its journal.
    const isCopy = source.topic === byKeyTopic(configured);
    const config = isCopy ? repartitioned(configured) : configured;
    checkSource(config, source.topic, recording);
    const { clusterId } = await client.admin.cluster();
    const store = await openCheckpoints(context, config, config.group, clusterId);
    try {
      const registry = connectRegistry(context);
      const verification = await Verification.open({
        ...{ client, registry, config, store, logger, signal },
        sourceSchemas: source.schemas,
        isOnlySource: config.source.topics.length === 1 && !isCopy,
      });
      const done: VerifiedPartition[] = [];
      const all = await sources(context, client, config, source, recording);
      if (all.length === 0) throw await nothingCommitted(client, config, source);
      for (const one of all) {
        if (signal.aborted) return stoppedCode(signal);
        context.progress.update(() => `${source.topic}/${one.place.partition}`);
        done.push(await verification.partition(one));
      }
      context.progress.end();
      await print(context, config, source, done);
      return signal.aborted ? stoppedCode(signal) : 0;
    } finally {
      await store.close();
    }
  } finally {
    context.progress.end();
    await client.close();
  }
}

function checkSource({ source, pipeline, group }: PipelineConfig, topic: string, recording: Recording | null): void {
  if (!source.topics.includes(topic)) {
    const reads = source.topics.length === 0 ? 'no topic' : source.topics.join(', ');
    throw new AnomalyError('ANM_USAGE', `cannot verify pipeline ${pipeline} with ${topic} as it reads ${reads}`, {
      hint: 'give the anomaly.yaml of the pipeline by --config',
    });
  }
  if (recording !== null && recording.meta.journal !== journalTopic(group)) {
    const has = recording.meta.journal ?? 'none';
    throw new AnomalyError(
      'ANM_USAGE',
      `cannot verify with ${recording.path} as it holds no journal ${journalTopic(group)} (${has})`,
      {
        hint: 'record it with --pipeline, or where its anomaly.yaml is',
      },
    );
  }
}

/** The partitions to run again, each up to what the group has committed. */
async function sources(
  context: CommandContext,
  client: KafkaClient,
  config: PipelineConfig,
  source: ReplaySource,
  recording: Recording | null,
): Promise<VerifiedSource[]> {
  const { from, to } = source.range;
  const isAsked = context.flags['offset'] !== undefined;
  const committed = await committedOf(client, config, from);
  const list: VerifiedSource[] = [];
  for (const [i, { topic, partition, offset }] of from.entries()) {
    const place = { topic, partition };
    const commit = committed[i]!;
    if (commit < 0) {
      context.logger.info(`${topic}/${partition}: group ${config.group} has committed nothing`);
      continue;
    }
    const end = Math.min(commit, to?.[i]?.offset ?? commit);
    const journal =
      recording === null
        ? await liveJournal(context, client, config, partition)
        : await recordedJournal(context, recording, partition);
    list.push({
      ...{ place, journal: journal.entries, to: end, from: isAsked ? offset : undefined },
      logStart: await logStart(client, place, recording),
      read: (first, next, fieldCount) =>
        source.read({ from: [{ ...place, offset: first }], to: [{ ...place, offset: next }] }, fieldCount),
      isWhole: async () => {
        if (recording !== null || end !== commit) return false;
        const [now] = await committedOf(client, config, [place]);
        const isSame = now === commit && (await journalEnd(client, config, partition)) === journal.end;
        if (!isSame)
          context.logger.info(
            `${topic}/${partition}: the pipeline goes on: what comes after offset ${end} is left out`,
          );
        return isSame;
      },
    });
  }
  return list;
}

/** Nothing that could be run again is no success: a misspelt group would pass. */
async function nothingCommitted(
  client: KafkaClient,
  { pipeline, group }: PipelineConfig,
  { topic, range }: ReplaySource,
): Promise<AnomalyError> {
  const partitions = range.from.map(({ partition }) => partition).join(',');
  const ending = journalTopic('');
  const names = (await client.admin.topics()).map(({ name }) => name).filter((name) => name.endsWith(ending));
  const groups = names.map((name) => name.slice(0, -ending.length));
  return new AnomalyError(
    'ANM_USAGE',
    `cannot verify pipeline ${pipeline} as its group ${group} has committed nothing of ${topic}/${partitions}`,
    {
      hint:
        groups.length === 0
          ? 'only what anomaly run has written can be verified, and no group here has a journal'
          : `groups that have a journal here: ${groups.sort().join(', ')}; choose one by --pipeline or the anomaly.yaml that ran`,
      details: { pipeline, group, topic },
    },
  );
}

async function logStart(client: KafkaClient, place: TopicPartition, recording: Recording | null): Promise<number> {
  const from = recording === null ? client.admin : recording;
  return (await from.listOffsets([place], 'earliest'))[0]!.offset;
}

async function committedOf(client: KafkaClient, { group }: PipelineConfig, places: readonly TopicPartition[]) {
  const found = await client.admin.groupOffsets(group, places);
  return places.map(
    ({ topic, partition }) => found.find((each) => each.topic === topic && each.partition === partition)?.offset ?? -1,
  );
}

async function liveJournal(context: CommandContext, client: KafkaClient, config: PipelineConfig, partition: number) {
  const topic = journalTopic(config.group);
  if ((await client.admin.topics([topic])).length === 0) {
    throw new AnomalyError(
      'ANM_STATE_MISSING',
      `cannot verify pipeline ${config.pipeline} as it has no journal ${topic}`,
      {
        hint: 'only what anomaly run has written can be verified',
      },
    );
  }
  const { logger } = context;
  const { transactionTimeoutMs } = config;
  return await readJournal({ client, topic, logger, ticks: () => performance.now(), transactionTimeoutMs }, partition);
}

async function journalEnd(client: KafkaClient, { group }: PipelineConfig, partition: number): Promise<number> {
  return (await client.admin.listOffsets([{ topic: journalTopic(group), partition }], 'latest'))[0]!.offset;
}

async function recordedJournal({ logger }: CommandContext, recording: Recording, partition: number) {
  const entries: JournalEntry[] = [];
  const reader = new EntryReader({ logger });
  for await (const batch of recording.batches(recording.meta.journal!, partition)) reader.take(batch, entries);
  return { entries, end: 0 };
}

async function print(
  { output }: CommandContext,
  config: PipelineConfig,
  source: ReplaySource,
  done: readonly VerifiedPartition[],
) {
  const sum = (of: (one: VerifiedPartition) => number) => done.reduce((total, one) => total + of(one), 0);
  const names = [...new Set(done.flatMap(({ outputs }) => outputs.map(({ topic }) => topic)))];
  const outputs = names.map((topic) => {
    const own = done.flatMap((one) => one.outputs.filter((each) => each.topic === topic));
    const total = (of: 'rows' | 'repeated' | 'trimmed') => own.reduce((all, each) => all + each[of], 0);
    return { topic, rows: total('rows'), repeated: total('repeated'), trimmed: total('trimmed') };
  });
  const document = {
    pipeline: config.pipeline,
    source: source.topic,
    equal: true,
    records: sum(({ records }) => records),
    records_before: sum(({ before }) => before),
    outputs,
    partitions: done,
  };
  await output.document(document, () => {
    const lines = [
      `${config.pipeline}: equal bit for bit, ${formatNumber(document.records)} records from ${source.topic} run again`,
      ...done.map(({ partition, from, to, checkpoint }) => {
        const begun = checkpoint === null ? 'an empty state' : `checkpoint ${checkpoint}`;
        return `  partition ${partition}  offsets ${from} to ${to} (not included), from ${begun}`;
      }),
      ...outputs.map(({ topic, rows, repeated, trimmed }) => {
        const more = [
          ...(repeated > 0 ? [`${formatNumber(repeated)} of them once more`] : []),
          ...(trimmed > 0 ? [`${formatNumber(trimmed)} deleted by retention`] : []),
        ];
        return `  ${topic}  ${formatNumber(rows)} rows${more.length > 0 ? `, ${more.join(', ')}` : ''}`;
      }),
    ];
    return lines.join('\n');
  });
}
