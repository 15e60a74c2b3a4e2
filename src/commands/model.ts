import type { Command } from './command.ts';
import { modelProfile } from './model/profile.ts';
import { modelPrune } from './model/prune.ts';
import { modelQuantize } from './model/quantize.ts';
import { modelRegistryCommands } from './model/registry.ts';
import { modelServe } from './model/serve.ts';
import { modelTrain } from './model/train.ts';

/** The verbs of `anomaly model`, in the order of help. */
export const modelCommands: readonly Command[] = [
  modelTrain,
  ...modelRegistryCommands,
  modelQuantize,
  modelPrune,
  modelProfile,
  modelServe,
];
