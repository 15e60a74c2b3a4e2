import type { Command, OptionSpec } from '../command.ts';
import { GLOBAL_OPTIONS } from './globalOptions.ts';

/** Options of a command and of every command; a global flag gives way to the command's own of the same name. */
export function optionsOf(command: Command): readonly OptionSpec[] {
  return [...(command.options ?? []), ...globalOptionsOf(command)];
}

/** Those of every command that the command leaves as they are. */
export function globalOptionsOf({ options = [] }: Command): readonly OptionSpec[] {
  const taken = new Set(options.flatMap((option) => flagNames(option.flags)));
  return GLOBAL_OPTIONS.flatMap((option) => withoutTaken(option, taken));
}

function withoutTaken(option: OptionSpec, taken: ReadonlySet<string>): OptionSpec[] {
  const names = flagNames(option.flags);
  if (!names.some((name) => taken.has(name))) return [option];
  const long = names.find((name) => name.startsWith('--'));
  if (long === undefined || taken.has(long)) return [];
  return [{ ...option, flags: option.flags.replace(/^-\w, /, '') }];
}

/** '-o, --output <format>' -> ['-o', '--output']. */
export function flagNames(flags: string): string[] {
  return flags.split(/[ ,|]+/).filter((part) => part.startsWith('-'));
}
