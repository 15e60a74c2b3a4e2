import { AnomalyError } from '../errors.ts';
import type { Command } from './command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `anomaly completion`; its scripts are made from the registry, so it gets it as a function. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    group: 'Setup',
    summary: 'Print a completion script for bash, zsh or fish',
    description:
      'It completes commands, options and their values. Topics, groups, running pipelines and profiles of rpk are asked for\n' +
      'when one may stand at the cursor, on the cluster that the line so far names, for 300 ms at most.\n' +
      '\n' +
      'Under rpk: npm installs the tool as .rpk-anomaly, too, so rpk anomaly works where rpk finds it in PATH. For\n' +
      'completion of rpk anomaly link it by the name of a plugin that tells its commands, as the last example does: rpk\n' +
      'then starts it once at each of its own starts.',
    arguments: [{ name: 'shell', summary: SHELLS.join(', '), required: true, choices: SHELLS }],
    takesBrokenSettings: true,
    examples: [
      { command: 'source <(anomaly completion bash)', comment: 'for this shell' },
      { command: 'anomaly completion fish > ~/.config/fish/completions/anomaly.fish', comment: 'for good' },
      {
        command: 'ln -s "$(command -v anomaly)" ~/.local/bin/.rpk.ac-anomaly',
        comment: 'rpk anomaly with completion, where rpk looks first',
      },
    ],
    run: async ({ args, stdout }) => {
      const shell = SHELLS.find((each) => each === args[0]);
      if (shell === undefined) {
        throw new AnomalyError('ANM_USAGE', `there is no completion for ${args[0]}`, {
          hint: `use ${SHELLS.join(', ')}`,
        });
      }
      const { completionScript } = await import('./completion/scripts.ts');
      stdout.write(completionScript(shell, commands()));
      return 0;
    },
  };
}
