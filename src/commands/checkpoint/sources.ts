import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import type { OperatorDefinition } from '../../engine/operatorState.ts';
import { AnomalyError } from '../../errors.ts';
import { definePipeline, stateHash } from '../../runtime/definition/definition.ts';
import { formatOneHash, operatorsOfFormatOne } from '../../runtime/recovery/formatOne.ts';
import type { Snapshot, SnapshotReference } from '../../stores/checkpointStore.ts';
import type { Catalog } from '../../stores/checkpoints/catalog.ts';
import { type FormatOne, parseFormatOne } from '../../stores/checkpoints/formatOne.ts';
import { ObjectCheckpointStore } from '../../stores/checkpoints/objectCheckpointStore.ts';
import type { ObjectStore } from '../../stores/objectStore.ts';
import type { CommandContext } from '../command.ts';
import { checkpointOf } from './access.ts';

/** A partition's snapshot that a group is to go on from. */
export interface RestoreSource {
  readonly head: Omit<Snapshot, 'operators'> & { readonly operators: readonly OperatorDefinition[] };
  /** Absent for one of format 1. */
  readonly reference?: SnapshotReference;
  /** With its state. @throws ANM_STATE_CORRUPT */
  readonly load: () => Promise<Snapshot>;
}

/** The word that names the snapshots that version 0.1 left. */
export const FORMAT_ONE = 'format-1';
const STAGES = ['run', 'window', 'score records', 'score windows'] as const;

/** What a word names: a checkpoint, a savepoint, latest, or format-1. @throws ANM_CHECKPOINT_UNKNOWN, ANM_STATE_* */
export async function restoreSources(
  context: CommandContext,
  store: ObjectStore,
  catalog: Catalog,
  word: string,
  config: PipelineConfig,
): Promise<RestoreSource[]> {
  if (word === FORMAT_ONE) return await formatOneSources(context, store, catalog, config);
  return checkpointOf(context, { catalog, store }, word).map(({ reference, manifest }) => {
    const { group, cluster } = manifest;
    const checkpoints = new ObjectCheckpointStore({ store, group, cluster });
    const { savepoint } = manifest;
    return {
      head: {
        pipeline: manifest.pipeline,
        group,
        cluster,
        topic: manifest.topic,
        partition: manifest.partition,
        offset: manifest.offset,
        watermark: manifest.watermark_ms,
        checkpoint: manifest.checkpoint,
        ...(savepoint !== undefined && { savepoint }),
        createdMs: Date.parse(manifest.created),
        toolVersion: manifest.tool_version,
        definition: manifest.definition,
        schemaIds: manifest.schema_ids,
        operators: manifest.operators.map(({ id, definition }) => ({ id, definition })),
      },
      reference,
      load: () => checkpoints.load(reference),
    };
  });
}

async function formatOneSources(
  context: CommandContext,
  store: ObjectStore,
  catalog: Catalog,
  config: PipelineConfig,
): Promise<RestoreSource[]> {
  if (catalog.old.length === 0) {
    throw new AnomalyError('ANM_CHECKPOINT_UNKNOWN', `there is no snapshot of format 1 in ${store.url}`);
  }
  const groups = new Set(catalog.old.map(({ name }) => decodeURIComponent(name.split('/')[0]!)));
  if (groups.size > 1) {
    throw new AnomalyError('ANM_USAGE', `the snapshots of format 1 are of several groups: ${[...groups].join(', ')}`, {
      hint: 'choose one by --group',
    });
  }
  const [group] = [...groups] as [string];
  const sources: RestoreSource[] = [];
  for (const { name, modifiedMs } of catalog.old) {
    const file = await store.get(name);
    if (file === undefined) continue;
    const old = await parseFormatOne(file, name);
    const snapshot = upgraded(name, old, config, group, modifiedMs);
    sources.push({ head: snapshot, load: async () => snapshot });
  }
  context.logger.info(`read ${sources.length} snapshots of format 1 of group ${group}`);
  return sources;
}

function upgraded(name: string, old: FormatOne, config: PipelineConfig, group: string, createdMs: number): Snapshot {
  const stage = STAGES.find((each) => formatOneHash(stageConfig(config, each), each) === old.definition) ?? 'run';
  const own = stageConfig(config, stage);
  const definition = definePipeline(own);
  return {
    pipeline: config.pipeline,
    group,
    cluster: old.cluster,
    topic: old.topic,
    partition: old.partition,
    offset: old.offset,
    watermark: old.watermark,
    checkpoint: FORMAT_ONE,
    createdMs,
    toolVersion: '0.1.0',
    definition: stateHash(definition),
    schemaIds: [],
    operators: operatorsOfFormatOne(name, old, own, definition, stage),
  };
}

function stageConfig(config: PipelineConfig, stage: (typeof STAGES)[number]): PipelineConfig {
  if (stage !== 'window') return config;
  const { score: _, ...rest } = config;
  return rest;
}
