import { AnomalyError } from '../errors.ts';
import type { Command } from './command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `anomaly completion`; its scripts are made from the registry, so it gets it as a function. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    group: 'Setup',
    summary: 'Print a completion script for bash, zsh or fish',
    arguments: [{ name: 'shell', summary: SHELLS.join(', '), required: true, choices: SHELLS }],
    takesBrokenSettings: true,
    examples: [
      { command: 'source <(anomaly completion bash)', comment: 'for this shell' },
      { command: 'anomaly completion fish > ~/.config/fish/completions/anomaly.fish', comment: 'for good' },
    ],
    run: async ({ args, stdout }) => {
      const shell = SHELLS.find((each) => each === args[0]);
      if (shell === undefined) {
        throw new AnomalyError('ANM_USAGE', `there is no completion for ${args[0]}`, {
          hint: `use ${SHELLS.join(', ')}`,
        });
      }
      const { completionScript } = await import('./completionScripts.ts');
      stdout.write(completionScript(shell, commands()));
      return 0;
    },
  };
}
