import { operatorDefinitions } from '../../engine/operatorDefinitions.ts';
import { definitionChanges } from '../../engine/operatorState.ts';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { Snapshot } from '../../stores/checkpointStore.ts';
import type { Task } from '../task.ts';

interface Rule {
  readonly allow: ReadonlySet<string>;
  /** Hash of the definitions of all operators. */
  readonly definition: string;
  readonly logger: Logger;
}

/**
 * A start with the pipeline that the checkpoint is of has nothing to drop: --allow may stay on its command line.
 *
 * @throws ANM_USAGE for an operator that neither has
 */
export function requireKnown(snapshot: Snapshot, task: Task, { allow, definition }: Rule): void {
  if (allow.size === 0 || snapshot.definition === definition) return;
  const known = new Set([...snapshot.operators, ...operatorDefinitions(task.pipeline.definition)].map(({ id }) => id));
  const unknown = [...allow].filter((id) => !known.has(id));
  if (unknown.length === 0) return;
  throw new AnomalyError(
    'ANM_USAGE',
    `cannot drop ${unknown.join(', ')} as neither the checkpoint nor the pipeline has such an operator`,
    { hint: `they have ${[...known].join(', ')}` },
  );
}

/** State that was dropped, and operators that are new, in one line. */
export function tellChanges(name: string, snapshot: Snapshot, task: Task, { logger, definition }: Rule): void {
  if (snapshot.definition === definition) return;
  const { operators } = snapshot;
  const now = operatorDefinitions(task.pipeline.definition);
  const dropped = [...new Set(definitionChanges(operators, now).map(({ operator }) => operator))];
  const added = now.map(({ id }) => id).filter((id) => operators.every((each) => each.id !== id));
  const texts = [
    ...(dropped.length > 0 ? [`without the state of ${dropped.join(', ')}, dropped by --allow`] : []),
    ...(added.length > 0
      ? [`with ${added.join(', ')} added, which ${added.length > 1 ? 'begin' : 'begins'} empty`]
      : []),
  ];
  if (texts.length > 0) logger.warn(`${name} goes on ${texts.join(', and ')}`);
}
