import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import type { CheckpointStore } from '../../stores/checkpointStore.ts';
import { ObjectCheckpointStore } from '../../stores/checkpoints/objectCheckpointStore.ts';
import { openStore } from '../../stores/openStore.ts';
import type { CommandContext } from '../command.ts';
import { openCheckpointObjects } from '../options/storeSettings.ts';

/** Opens the store that checkpoint.store names, else a directory under state_dir; nothing is sent before its first use. */
export async function openCheckpoints(
  context: Pick<CommandContext, 'settings' | 'cwd' | 'env'>,
  config: PipelineConfig,
  group: string,
  cluster: string,
): Promise<CheckpointStore> {
  const store = await openCheckpointObjects(context, config.checkpoint.store);
  return new ObjectCheckpointStore({ store, group, cluster });
}

/** Checkpoints as files under a directory. */
export async function directoryCheckpoints(
  directory: string,
  group: string,
  cluster: string,
): Promise<CheckpointStore> {
  const none = () => {
    throw new AnomalyError('ANM_INTERNAL', `${directory} is a directory`);
  };
  const store = await openStore(`file:${directory}`, { policy: POLICY, s3: async () => none(), webhdfs: none });
  return new ObjectCheckpointStore({ store, group, cluster });
}

const POLICY = { timeoutMs: 10_000, retryMs: 30_000 };
