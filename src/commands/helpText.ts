import type { Command, OptionSpec } from './command.ts';
import { globalOptionsOf } from './options/commandOptions.ts';
import { GLOBAL_OPTIONS } from './options/globalOptions.ts';

const GROUPS: readonly Command['group'][] = ['Pipeline', 'Inspect', 'Setup'];
const WIDTH = 100;

export const EXIT_CODES = `Exit codes
  0    ok
  1    failure
  2    usage or configuration
  3    broker or registry unreachable, or a timeout
  4    authentication
  5    bad data or schema
  6    a check failed
  130  stopped by SIGINT before its end, or by a second signal; 143 by SIGTERM
`;

/** Help on all commands (''), on one, or on a family of them; undefined when there is no such command. */
export function helpFor(name: string, commands: readonly Command[]): string | undefined {
  if (name === '') return rootHelp(commands);
  const command = commands.find((each) => each.name === name);
  if (command !== undefined) return commandHelp(command);
  return commands.some((each) => each.name.startsWith(`${name} `)) ? familyHelp(name, commands) : undefined;
}

/** `anomaly` without arguments. */
export function shortHelp(): string {
  return `anomaly: real-time anomaly detection on Redpanda, in the terminal

  anomaly demo                                  see it work, on an embedded broker
  anomaly run -f anomaly.yaml                   run a pipeline: topics in, windows and alerts out
  anomaly lag my-pipeline --watch               how far behind a group is

Commands and options: anomaly --help
`;
}

/** `anomaly --help`: all commands by group. */
export function rootHelp(commands: readonly Command[]): string {
  const sections = GROUPS.flatMap((group) => {
    const rows = commands
      .filter((command) => command.group === group)
      .map((command) => [usageName(command), command.summary] as const);
    return rows.length === 0 ? [] : [`${group}\n${columns(rows)}`];
  });
  return [
    'anomaly: real-time anomaly detection on Redpanda, in the terminal\n',
    'Usage: anomaly <command> [options]\n',
    ...sections.map((section) => `${section}\n`),
    optionSection('Options of every command', GLOBAL_OPTIONS),
    'anomaly help <command> shows its options and examples; anomaly help exit-codes the exit codes.\n',
  ].join('\n');
}

/** `anomaly schema --help`: the commands of one family. */
export function familyHelp(family: string, commands: readonly Command[]): string {
  const rows = commands
    .filter((command) => command.name.startsWith(`${family} `))
    .map((command) => [usageName(command), command.summary] as const);
  return `Usage: anomaly ${family} <command> [options]\n\n${columns(rows)}\n\nanomaly help ${family} <command> shows options and examples.\n`;
}

/** `anomaly lag --help`. */
export function commandHelp(command: Command): string {
  const parts = [`${command.summary}\n`, `Usage: anomaly ${usageName(command)} [options]\n`];
  if (command.description !== undefined) parts.push(`${command.description}\n`);
  const examples = command.examples.map((example) => [example.command, example.comment] as const);
  parts.push(`Examples\n${columns(examples)}\n`);
  const args = (command.arguments ?? []).map((argument) => [argument.name.toUpperCase(), argument.summary] as const);
  if (args.length > 0) parts.push(`Arguments\n${columns(args)}\n`);
  const own = (command.options ?? []).filter((option) => option.hidden !== true);
  if (own.length > 0) parts.push(optionSection('Options', own));
  parts.push(optionSection('Options of every command', globalOptionsOf(command)));
  parts.push(`Keys of the configuration: anomaly -X list; docs/cli.md, docs/configuration.md\n`);
  return parts.join('\n');
}

/** The name with its arguments: 'tail TOPIC', 'lag [GROUP...]'. */
export function usageName(command: Command): string {
  const args = (command.arguments ?? []).map((argument) => {
    const name = argument.name.toUpperCase() + (argument.variadic ? '...' : '');
    return argument.required ? name : `[${name}]`;
  });
  return [command.name, ...args].join(' ');
}

/** Summary, choices and default of an option, as help and the docs show it. */
export function optionText(option: OptionSpec): string {
  const notes: string[] = [];
  if (option.choices !== undefined) notes.push(option.choices.join(' | '));
  if (option.default !== undefined) notes.push(`default ${option.default}`);
  if (option.repeatable) notes.push('repeatable');
  return notes.length === 0 ? option.summary : `${option.summary} (${notes.join('; ')})`;
}

function optionSection(title: string, options: readonly OptionSpec[]): string {
  return `${title}\n${columns(options.map((option) => [option.flags, optionText(option)] as const))}\n`;
}

/** Two columns; a long second one is wrapped under itself. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const left = Math.min(Math.max(...rows.map(([name]) => name.length)), 60);
  return rows
    .flatMap(([name, text]) => {
      const lines = wrap(text, Math.max(30, WIDTH - left - 4));
      const first = `  ${name.padEnd(left)}  ${lines[0]}`;
      return [first, ...lines.slice(1).map((line) => `  ${' '.repeat(left)}  ${line}`)];
    })
    .join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
