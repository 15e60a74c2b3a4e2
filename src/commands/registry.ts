import { alertStageCommands } from './alerts/stageCommands.ts';
import { alertCommands } from './alerts.ts';
import { checkpointCommands } from './checkpoint.ts';
import type { Command } from './command.ts';
import { completionCommand } from './completion.ts';
import { configCommands } from './config.ts';
import { controlCommands } from './control.ts';
import { demo } from './demo.ts';
import { dev } from './dev.ts';
import { dlqCommands } from './dlq.ts';
import { doctor } from './doctor.ts';
import { evalCommand } from './eval.ts';
import { explain } from './explain.ts';
import { generateCommands } from './generate.ts';
import { helpCommand } from './help.ts';
import { init } from './init.ts';
import { lag, lagReset } from './lag.ts';
import { modelCommands } from './model.ts';
import { probe } from './probe.ts';
import { produce } from './produce.ts';
import { replay } from './replay.ts';
import { run } from './run.ts';
import { schemaCommands } from './schema.ts';
import { score } from './score.ts';
import { stateCommands } from './state.ts';
import { tail } from './tail.ts';
import { tui } from './tui.ts';
import { window } from './window.ts';

const list: Command[] = [
  demo,
  run,
  window,
  score,
  produce,
  replay,
  evalCommand,
  ...controlCommands,
  lag,
  lagReset,
  probe,
  tui,
  tail,
  ...alertCommands,
  ...alertStageCommands,
  explain,
  doctor,
  ...checkpointCommands,
  ...stateCommands,
  ...dlqCommands,
  ...schemaCommands,
  ...modelCommands,
  ...generateCommands,
  dev,
  init,
  ...configCommands,
];

/** Every command, in the order of help. The one list that commander, help, completion and the docs read. */
export const commands: readonly Command[] = list;
list.push(completionCommand(() => list));
list.push(helpCommand(() => list));
