import type { Command } from './command.ts';
import { modelProfile } from './modelProfile.ts';
import { modelPrune } from './modelPrune.ts';
import { modelQuantize } from './modelQuantize.ts';
import { modelRegistryCommands } from './modelRegistry.ts';
import { modelServe } from './modelServe.ts';
import { modelTrain } from './modelTrain.ts';

/** The verbs of `anomaly model`, in the order of help. */
export const modelCommands: readonly Command[] = [
  modelTrain,
  ...modelRegistryCommands,
  modelQuantize,
  modelPrune,
  modelProfile,
  modelServe,
];
