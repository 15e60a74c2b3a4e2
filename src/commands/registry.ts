import type { Command } from './command.ts';
import { completionCommand } from './completion.ts';
import { configCommands } from './config.ts';
import { demo } from './demo.ts';
import { dev } from './dev.ts';
import { doctor } from './doctor.ts';
import { helpCommand } from './help.ts';
import { lag } from './lag.ts';
import { produce } from './produce.ts';
import { replay } from './replay.ts';
import { run } from './run.ts';
import { schemaCommands } from './schema.ts';
import { score } from './score.ts';
import { tail } from './tail.ts';
import { window } from './window.ts';

const list: Command[] = [
  demo,
  run,
  window,
  score,
  produce,
  replay,
  lag,
  tail,
  doctor,
  ...schemaCommands,
  dev,
  ...configCommands,
];

/** Every command, in the order of help. The one list that commander, help, completion and the docs read. */
export const commands: readonly Command[] = list;
list.push(completionCommand(() => list));
list.push(helpCommand(() => list));
