import type { PartitionAtWork } from '../partitionAtWork.ts';
import type { ModelChange } from './modelDispatch.ts';

/** Has it journaled, with the next commit, from which offset of each partition on another model is asked. */
export function journalModel(partitions: Iterable<PartitionAtWork>, change: ModelChange): void {
  for (const { isRestoring, scores, drafts, position } of partitions) {
    if (!isRestoring && scores !== undefined) drafts.push({ type: 'model', offset: position, ...change });
  }
}
