import type { Command } from './command.ts';
import { usageName } from './helpText.ts';

/** What rpk reads from a plugin named .rpk.ac-NAME that it calls with --help-autocomplete: a command an entry. */
export interface RpkHelp {
  /** The words of the command under rpk, underscores between: `anomaly_schema_ls`. */
  readonly path: string;
  readonly short: string;
  readonly long: string;
  readonly example: string;
  readonly args: readonly string[];
}

/** rpk takes no other characters in a path. */
const PATH = /^[A-Za-z0-9_-]+$/;

/** The commands as rpk's shadow command space wants them, `rpk anomaly` first and each family before its commands. */
export function rpkHelps(commands: readonly Command[]): string {
  const names = new Set(commands.map(({ name }) => name));
  const parents = new Set(commands.filter(({ name }) => name.includes(' ')).map(({ name }) => name.split(' ')[0]!));
  // One that is a command, too, as lag, stands there by itself.
  const families = [...parents].filter((family) => !names.has(family));
  const helps: RpkHelp[] = [
    {
      path: 'anomaly',
      short: 'Real-time anomaly detection on Redpanda, in the terminal',
      long: 'anomaly reads topics as a consumer group, closes windows, scores, and writes windows and alerts back.',
      example: 'rpk anomaly demo',
      args: [],
    },
    ...families.map((family) => ({
      path: pathOf(family),
      short: `Commands of ${family}`,
      long: '',
      example: '',
      args: [],
    })),
    ...commands.map((command) => ({
      path: pathOf(command.name),
      short: command.summary,
      long: [`rpk anomaly ${usageName(command)}`, command.description ?? `${command.summary}.`].join('\n\n'),
      example: command.examples.map((each) => `# ${each.comment}\n${underRpk(each.command)}`).join('\n\n'),
      args: (command.arguments ?? []).flatMap(({ choices }) => choices ?? []),
    })),
  ];
  return `${JSON.stringify(helps.filter(({ path }) => PATH.test(path)))}\n`;
}

function pathOf(name: string): string {
  return ['anomaly', ...name.split(' ')].join('_');
}

/** `anomaly lag x` -> `rpk anomaly lag x`, in pipes too. */
function underRpk(line: string): string {
  return line.replace(/(^|[|(] *)anomaly /g, '$1rpk anomaly ');
}
