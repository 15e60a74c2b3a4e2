import type { Command } from './command.ts';
import { configCommands } from './config.ts';
import { dev } from './dev.ts';
import { helpCommand } from './help.ts';
import { schemaCommands } from './schema.ts';

const list: Command[] = [dev, ...schemaCommands, ...configCommands];

/** Every command, in the order of help. The one list that commander, help, completion and the docs read. */
export const commands: readonly Command[] = list;
list.push(helpCommand(() => list));
