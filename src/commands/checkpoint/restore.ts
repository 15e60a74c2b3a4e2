import { randomUUID } from 'node:crypto';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { operatorDefinitions } from '../../engine/operatorDefinitions.ts';
import {
  changeText,
  type DefinitionChange,
  definitionChanges,
  keptOperators,
  type OperatorDefinition,
  withoutOperators,
} from '../../engine/operatorState.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { formatNumber } from '../../output/format.ts';
import { renderTable } from '../../output/table.ts';
import { definePipeline } from '../../runtime/definition/definition.ts';
import {
  checkRestore,
  type RestorePlace,
  type RestorePoint,
  restoreGroup,
} from '../../runtime/recovery/restoreGroup.ts';
import type { Snapshot } from '../../stores/checkpointStore.ts';
import { ObjectCheckpointStore } from '../../stores/checkpoints/objectCheckpointStore.ts';
import type { ObjectStore } from '../../stores/objectStore.ts';
import type { CommandContext } from '../command.ts';
import { confirm } from '../confirm.ts';
import { connectClient } from '../connections.ts';
import { allowedOperators } from '../options/allowedOperators.ts';
import { withModelReads } from '../scoreModel.ts';
import { partitionText, withCheckpoints } from './access.ts';
import { type RestoreSource, restoreSources } from './sources.ts';

interface Plan {
  readonly from: string;
  readonly group: string;
  readonly places: readonly RestorePlace[];
  /** How the definitions of what is dropped changed. */
  readonly dropped: readonly DefinitionChange[];
}

/** `checkpoint restore`. */
export async function runCheckpointRestore(context: CommandContext): Promise<number> {
  return await withCheckpoints(context, async ({ catalog, store }) => {
    const { args, flags, logger, output, settings, now } = context;
    const config = await withModelReads(context, settings.pipeline());
    const sources = await restoreSources(context, store, catalog, args[0]!, config);
    const group = (flags['toGroup'] as string | undefined) ?? sources[0]!.head.group;
    const allow = new Set(allowedOperators(flags['allow']));
    const dropped = droppedOperators(config, sources, allow, logger.warn.bind(logger));
    const client = await connectClient(context);
    try {
      const { clusterId } = await client.admin.cluster();
      checkCluster(sources, clusterId);
      const places = await checkRestore(
        client,
        group,
        sources.map(({ head }) => head),
      );
      const plan = { from: args[0]!, group, places, dropped };
      warnOfGaps(plan, logger.warn.bind(logger));
      const isDry = flags['dryRun'] === true;
      if (!isDry) {
        if (!(await confirm(context, `${planText(context, plan, true)}\nrestore group ${group}`))) return 1;
        const drop = new Set(dropped.map(({ operator }) => operator));
        const points = await storedPoints(store, sources, group, clusterId, drop, now);
        await restoreGroup(client, group, points, now);
      }
      await output.document(document(plan, isDry), () => planText(context, plan, isDry));
      return 0;
    } finally {
      await client.close();
    }
  });
}

/**
 * What the pipeline of anomaly.yaml cannot take over. Without a pipeline there is nothing to compare with.
 *
 * @throws ANM_STATE_INCOMPATIBLE for what is not allowed to be dropped
 */
function droppedOperators(
  config: PipelineConfig,
  sources: readonly RestoreSource[],
  allow: ReadonlySet<string>,
  warn: (message: string) => void,
): DefinitionChange[] {
  const unknown = [...allow].filter((id) =>
    sources.every(({ head }) => head.operators.every((each) => each.id !== id)),
  );
  if (unknown.length > 0) {
    throw new AnomalyError('ANM_USAGE', `cannot drop ${unknown.join(', ')} as the checkpoint has no such operator`, {
      hint: `it has ${[...new Set(sources.flatMap(({ head }) => head.operators.map(({ id }) => id)))].join(', ')}`,
    });
  }
  if (config.source.topics.length === 0) {
    if (allow.size > 0)
      throw new AnomalyError('ANM_USAGE', '--allow needs the pipeline of an anomaly.yaml to compare with');
    warn('there is no pipeline in anomaly.yaml: the definitions are compared when it starts');
    return [];
  }
  const now = operatorDefinitions(definePipeline(config));
  const changes: DefinitionChange[] = [];
  for (const { head } of sources) {
    requireAllowed(head.operators, now, allow);
    for (const change of definitionChanges(head.operators, now)) {
      if (!changes.some((each) => changeText(each) === changeText(change))) changes.push(change);
    }
  }
  return changes;
}

/** @throws ANM_STATE_INCOMPATIBLE for what is not allowed, with each change by name */
function requireAllowed(
  before: readonly OperatorDefinition[],
  now: readonly OperatorDefinition[],
  allow: ReadonlySet<string>,
): void {
  const states = before.map(({ id, definition }) => ({ id, definition, bytes: new Uint8Array(0) }));
  try {
    keptOperators(states, now, allow);
  } catch (error) {
    if (!isAnomalyError(error) || error.code !== 'ANM_STATE_INCOMPATIBLE') throw error;
    const flags = (error.details!['operators'] as string[]).map((id) => `--allow ${id}`).join(' ');
    throw new AnomalyError(error.code, error.message, {
      cause: error,
      hint: `put the former definition back, or drop just that state by ${flags}`,
      details: error.details,
    });
  }
}

function checkCluster(sources: readonly RestoreSource[], clusterId: string): void {
  const other = sources.find(({ head }) => head.cluster !== '' && head.cluster !== clusterId);
  if (other === undefined) return;
  throw new AnomalyError(
    'ANM_STATE_INCOMPATIBLE',
    `cannot restore a checkpoint of cluster ${other.head.cluster} on cluster ${clusterId}`,
    { hint: 'offsets of one cluster mean nothing on another' },
  );
}

function warnOfGaps({ places }: Plan, warn: (message: string) => void): void {
  for (const place of places) {
    if (place.offset >= place.logStart) continue;
    const gone = place.logStart - place.offset;
    warn(
      `${gone} records of ${partitionText(place)} from offset ${place.offset} on are gone: the start will need --accept-gap`,
    );
  }
}

/**
 * The snapshots under the group that goes on from them. One of the group itself stays where it is; of another group, of
 * format 1, or without an operator, it is written anew.
 */
async function storedPoints(
  store: ObjectStore,
  sources: readonly RestoreSource[],
  group: string,
  cluster: string,
  drop: ReadonlySet<string>,
  now: () => number,
): Promise<RestorePoint[]> {
  const checkpoints = new ObjectCheckpointStore({ store, group, cluster });
  const id = randomUUID().slice(0, 8);
  const points: RestorePoint[] = [];
  for (const { head, reference, load } of sources) {
    const { topic, partition, offset, savepoint } = head;
    const place = { topic, partition, offset, ...(savepoint !== undefined && { savepoint }) };
    const drops = head.operators.some((each) => drop.has(each.id));
    if (reference !== undefined && head.group === group && !drops) {
      points.push({ ...place, checkpoint: head.checkpoint, reference });
      continue;
    }
    const { rescaled: _, ...snapshot } = await load();
    const operators = withoutOperators(snapshot.operators, drop);
    // After all that the group has: the record that names it will be further on in the journal still.
    const own = await checkpoints.manifests(topic, partition);
    const journal = 1 + Math.max(-1, ...own.map(({ manifest }) => manifest.journal ?? -1));
    const moved: Snapshot = { ...snapshot, group, cluster, checkpoint: id, journal, createdMs: now(), operators };
    const { name, sha256 } = await checkpoints.save(moved);
    points.push({ ...place, checkpoint: id, reference: { name, sha256 } });
  }
  return points;
}

function document({ from, group, places, dropped }: Plan, dryRun: boolean) {
  return {
    dryRun,
    checkpoint: from,
    group,
    partitions: places,
    dropped: dropped.map((change) => ({ operator: change.operator, change: changeText(change) })),
  };
}

function planText({ output }: CommandContext, { from, group, places, dropped }: Plan, isPlan: boolean): string {
  const table = renderTable(
    places,
    [
      { header: 'PARTITION', value: partitionText },
      { header: 'COMMITTED', value: (row) => (row.committed < 0 ? null : row.committed), align: 'right' },
      { header: 'RESTORED-TO', value: (row) => row.offset, align: 'right' },
      { header: 'CHANGE', value: ({ offset, committed }) => change(offset, committed), align: 'right' },
      { header: 'END', value: (row) => row.logEnd, align: 'right' },
    ],
    { wide: false, color: output.color },
  );
  const drops = dropped.map((each) => `drops ${changeText(each)}`);
  const head = `${isPlan ? 'would restore' : 'restored'} group ${group} from ${from}`;
  return [head, table, ...drops].join('\n');
}

function change(offset: number, committed: number): string | null {
  if (committed < 0) return null;
  return offset > committed ? `+${formatNumber(offset - committed)}` : formatNumber(offset - committed);
}
