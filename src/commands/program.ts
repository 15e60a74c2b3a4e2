import { type CommanderError, Command as Program } from 'commander';
import { nearest } from '../errors/nearest.ts';
import { AnomalyError } from '../errors.ts';
import type { Command, OptionSpec } from './command.ts';
import { commandHelp, familyHelp, rootHelp } from './helpText.ts';
import { flagNames, optionsOf } from './options/commandOptions.ts';
import { GLOBAL_OPTIONS } from './options/globalOptions.ts';

/** What an argument vector asks for. */
export type Request =
  | { readonly kind: 'run'; readonly command: Command; readonly args: readonly string[]; readonly raw: RawFlags }
  | { readonly kind: 'print'; readonly text: string };

/** Flags as commander gives them: texts, lists of texts for repeatable ones, or true. By camelCase name. */
export type RawFlags = Readonly<Record<string, unknown>>;

/** @throws AnomalyError ANM_USAGE, with a suggestion where a word is near */
export function parseArguments(commands: readonly Command[], argv: readonly string[]): Request {
  let printed = '';
  let request: Request | undefined;
  const root = new Program('anomaly').helpCommand(false).enablePositionalOptions().showSuggestionAfterError(false);
  root.configureOutput({
    writeOut: (text) => {
      printed += text;
    },
    writeErr: () => {},
    outputError: () => {},
  });
  prepare(root, GLOBAL_OPTIONS, commands, () => rootHelp(commands));
  const families = new Map<string, Program>();
  for (const command of commands) {
    const [first = '', second] = command.name.split(' ');
    let parent = root;
    if (second !== undefined) {
      parent = families.get(first) ?? addFamily(root, first, commands);
      families.set(first, parent);
    }
    const leaf = parent.command(second ?? first);
    // A command may have others below it, as lag has lag reset; it stands before them in the list.
    if (second === undefined) families.set(first, leaf.enablePositionalOptions());
    prepare(leaf, optionsOf(command), commands, () => commandHelp(command));
    for (const argument of command.arguments ?? []) {
      const name = argument.name + (argument.variadic ? '...' : '');
      leaf.argument(argument.required ? `<${name}>` : `[${name}]`, argument.summary);
    }
    leaf.action(() => {
      request = { kind: 'run', command, args: leaf.args, raw: mergeFlags(leaf) };
    });
  }
  try {
    root.parse(argv as string[], { from: 'user' });
  } catch (error) {
    if (printed !== '' && isHelp(error)) return { kind: 'print', text: printed };
    throw isHelp(error) ? noCommand(argv, commands) : error;
  }
  if (request === undefined) throw new AnomalyError('ANM_INTERNAL', 'no command was chosen');
  return request;
}

function addFamily(root: Program, family: string, commands: readonly Command[]): Program {
  const parent = root.command(family).enablePositionalOptions();
  prepare(parent, GLOBAL_OPTIONS, commands, () => familyHelp(family, commands));
  return parent;
}

function prepare(
  program: Program,
  options: readonly OptionSpec[],
  commands: readonly Command[],
  help: () => string,
): void {
  for (const option of options) {
    if (option.repeatable)
      program.option(option.flags, option.summary, (text: string, before: string[] = []) => [...before, text]);
    else program.option(option.flags, option.summary);
  }
  program.helpInformation = help;
  program.exitOverride((error) => {
    throw isHelp(error) ? error : usageError(error, program, options, commands);
  });
}

/** The flags before the command's name and those after it; the later ones win, repeatable ones add up. */
function mergeFlags(leaf: Program): RawFlags {
  const merged: Record<string, unknown> = {};
  const chain: Program[] = [];
  for (let program: Program | null = leaf; program !== null; program = program.parent) chain.unshift(program);
  for (const program of chain) {
    for (const [name, value] of Object.entries(program.opts())) {
      const before = merged[name];
      // A --no-x flag has a default of true, which must not win over a false given before the command's name.
      if (program.getOptionValueSource(name) === 'default' && before !== undefined) continue;
      merged[name] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
    }
  }
  return merged;
}

function isHelp(error: unknown): boolean {
  const code = (error as CommanderError).code;
  return code === 'commander.help' || code === 'commander.helpDisplayed';
}

/** The line ends where a command is wanted: `anomaly schema`. */
function noCommand(argv: readonly string[], commands: readonly Command[]): AnomalyError {
  const family = argv.find((word) => commands.some((command) => command.name.startsWith(`${word} `)));
  const names = commands.flatMap(({ name }) => {
    if (family === undefined) return [name.split(' ', 1)[0]!];
    return name.startsWith(`${family} `) ? [name.slice(family.length + 1)] : [];
  });
  const where = family === undefined ? 'anomaly' : `anomaly ${family}`;
  return new AnomalyError('ANM_USAGE', `${where} wants a command: ${[...new Set(names)].join(', ')}`, {
    hint: `see ${where} --help`,
    details: { command: where },
  });
}

function usageError(
  error: CommanderError,
  program: Program,
  options: readonly OptionSpec[],
  commands: readonly Command[],
): AnomalyError {
  const path = [];
  for (let each: Program | null = program; each !== null; each = each.parent) path.unshift(each.name());
  const where = path.join(' ');
  const word = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const details = { command: where };
  const hintOf = (near: string | undefined): string =>
    near === undefined ? `see ${where} --help` : `did you mean ${near}?`;
  switch (error.code) {
    case 'commander.unknownOption': {
      // What follows may be a secret.
      const option = word.split('=', 1)[0]!;
      const near = nearest(option, [...options.flatMap((each) => flagNames(each.flags)), '--help']);
      return new AnomalyError('ANM_USAGE', `unknown option ${option} of ${where}`, { hint: hintOf(near), details });
    }
    case 'commander.unknownCommand': {
      const prefix = path.slice(1).join(' ');
      const names = commands.map((command) => command.name).filter((name) => name.startsWith(prefix));
      const words = [...names, ...names.map((name) => name.split(' ')[path.length - 1] ?? name)];
      const near = nearest(word, words);
      const full = near === undefined || near.startsWith(prefix) ? near : `${prefix} ${near}`;
      const hint = hintOf(full === undefined ? undefined : `anomaly ${full}`);
      return new AnomalyError('ANM_USAGE', `unknown command ${[prefix, word].join(' ').trim()}`, { hint, details });
    }
    case 'commander.missingArgument':
      return new AnomalyError('ANM_USAGE', `${where} misses the argument ${word.toUpperCase()}`, {
        hint: hintOf(undefined),
        details,
      });
    default: {
      const text = error.message.replace(/^error: /, '').replace(/\.$/, '');
      return new AnomalyError('ANM_USAGE', `${where}: ${text}`, { hint: hintOf(undefined), details });
    }
  }
}
