import { randomUUID } from 'node:crypto';
import { AnomalyError } from '../../errors.ts';
import { formatNumber } from '../../output/format.ts';
import { definePipeline, stateHash } from '../../runtime/definition/definition.ts';
import { type Rescaled, rescale } from '../../runtime/rescale.ts';
import { ObjectCheckpointStore } from '../../stores/checkpoints/objectCheckpointStore.ts';
import type { CommandContext } from '../command.ts';
import { requireSavepointName } from '../control/send.ts';
import { withModelReads } from '../scoreModel.ts';
import { withCheckpoints } from './access.ts';
import { type RestoreSource, restoreSources } from './sources.ts';

/** `checkpoint rescale`. */
export async function runCheckpointRescale(context: CommandContext): Promise<number> {
  const { args, flags, settings, output, now } = context;
  const count = flags['partitions'] as number | undefined;
  if (count === undefined || count < 1) {
    throw new AnomalyError('ANM_USAGE', 'cannot rescale without --partitions, the number that the topic is to have');
  }
  const given = flags['name'] as string | undefined;
  if (given !== undefined) requireSavepointName(given);
  return await withCheckpoints(context, async ({ catalog, store }) => {
    const config = await withModelReads(context, settings.pipeline());
    if (config.source.topics.length === 0) {
      throw new AnomalyError(
        'ANM_USAGE',
        'cannot rescale without the pipeline of an anomaly.yaml: it says what the state is',
      );
    }
    const sources = await restoreSources(context, store, catalog, args[0]!, config);
    const topic = onlyTopic(sources);
    const definition = definePipeline(config);
    const snapshots = [];
    for (const { load } of sources) snapshots.push(await load());
    const rescaled = rescale(definition, snapshots, count);
    const name = given ?? `${args[0]}-by-${count}`.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^-+/, '');
    const toTopic = flags['toTopic'] as string | undefined;
    const isDry = flags['dryRun'] === true;
    if (!isDry) {
      const { group, cluster } = snapshots[0]!;
      const checkpoints = new ObjectCheckpointStore({ store, group, cluster });
      const checkpoint = randomUUID();
      for (const { partition, operators } of rescaled.partitions) {
        const former = toTopic === undefined ? snapshots.find((each) => each.partition === partition) : undefined;
        const { journal: _, ...head } = snapshots[0]!;
        await checkpoints.save({
          ...head,
          ...(former?.journal !== undefined && { journal: former.journal }),
          topic: toTopic ?? topic,
          partition,
          offset: former?.offset ?? 0,
          watermark: former?.watermark ?? null,
          checkpoint,
          savepoint: name,
          rescaled: true,
          createdMs: now(),
          definition: stateHash(definition),
          operators,
        });
      }
    }
    const document = {
      dryRun: isDry,
      savepoint: name,
      topic: toTopic ?? topic,
      partitions: count,
      ...totals(rescaled),
    };
    await output.document(document, () => text(rescaled, sources.length, count, name, isDry));
    return 0;
  });
}

function onlyTopic(sources: readonly RestoreSource[]): string {
  const topics = [...new Set(sources.map(({ head }) => head.topic))];
  const [topic] = topics as [string];
  if (topics.length > 1) {
    throw new AnomalyError('ANM_UNSUPPORTED', `cannot rescale the state of several topics: ${topics.join(', ')}`);
  }
  const missing = sources.map(({ head }) => head.partition).findIndex((partition, i) => partition !== i);
  if (missing >= 0) {
    throw new AnomalyError('ANM_CHECKPOINT_UNKNOWN', `the checkpoint has no snapshot of ${topic}/${missing}`, {
      hint: 'give latest, which is the newest snapshot of each partition, or a savepoint',
    });
  }
  return topic;
}

function totals({ before, after, partitions }: Rescaled) {
  return {
    before,
    after,
    bytes: partitions.map(({ operators }) => operators.reduce((sum, { bytes }) => sum + bytes.length, 0)),
  };
}

function text({ before, after }: Rescaled, from: number, to: number, name: string, isDry: boolean): string {
  const line = (title: string, of: (each: typeof before) => string) =>
    `  ${title.padEnd(22)}${of(before)} = ${of(after)}`;
  return [
    `${isDry ? 'would write' : 'wrote'} savepoint ${name}: ${from} partition${from === 1 ? '' : 's'} to ${to}, before = after`,
    line('series', ({ series }) => formatNumber(series)),
    line('rows of open windows', ({ openRows }) => formatNumber(openRows)),
    line('values in them', ({ openValues }) => formatNumber(openValues)),
    line('checksum', ({ checksum }) => checksum),
  ].join('\n');
}
