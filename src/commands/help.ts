import { nearest } from '../errors/nearest.ts';
import { AnomalyError } from '../errors.ts';
import type { Command } from './command.ts';
import { EXIT_CODES, helpFor } from './helpText.ts';

/** `anomaly help`; it prints from the registry that it is itself a part of, so it gets it as a function. */
export function helpCommand(commands: () => readonly Command[]): Command {
  return {
    name: 'help',
    group: 'Setup',
    summary: 'Show the commands, one command, or the exit codes',
    arguments: [{ name: 'topic', summary: 'a command, or exit-codes', variadic: true }],
    takesBrokenSettings: true,
    examples: [
      { command: 'anomaly help lag', comment: 'options and examples of a command' },
      { command: 'anomaly help exit-codes', comment: 'what the exit codes mean' },
    ],
    run: async ({ args, output }) => {
      const text = helpOn(args.join(' '), commands());
      await output.document({ help: text }, () => text.trimEnd());
      return 0;
    },
  };
}

function helpOn(topic: string, commands: readonly Command[]): string {
  if (topic === 'exit-codes') return EXIT_CODES;
  const text = helpFor(topic, commands);
  if (text !== undefined) return text;
  const near = nearest(topic, [...commands.map((each) => each.name), 'exit-codes']);
  throw new AnomalyError('ANM_USAGE', `there is no help on ${topic}`, {
    hint: near === undefined ? 'anomaly help lists the commands' : `did you mean anomaly help ${near}?`,
  });
}
