import { parseText } from '../../config/check.ts';
import { parseDuration } from '../../config/duration.ts';
import type { FlagValue } from '../../config/load.ts';
import { settingRow } from '../../config/settingsTable.ts';
import { splitList } from '../../config/values.ts';
import { nearest } from '../../errors/nearest.ts';
import { AnomalyError } from '../../errors.ts';
import type { Command, OptionSpec } from '../command.ts';
import type { RawFlags } from '../program.ts';
import { flagNames, optionsOf } from './commandOptions.ts';

export interface ParsedFlags {
  /** By camelCase name, typed; undefined when not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Those that set a key of the configuration, as texts. */
  readonly settings: readonly FlagValue[];
  /** --config, or a command's own flag with the key `config`. */
  readonly config: string | undefined;
}

/** Types the texts of a command line by the option table. @throws AnomalyError ANM_USAGE */
export function typeFlags(command: Command, args: readonly string[], raw: RawFlags): ParsedFlags {
  const flags: Record<string, unknown> = {};
  const settings: FlagValue[] = [];
  let config: string | undefined;
  for (const option of optionsOf(command)) {
    const name = longName(option.flags);
    const value = raw[camelCase(name)];
    if (value === undefined) continue;
    const texts = (Array.isArray(value) ? value : [value]).map(String);
    if (option.key === 'config') config = texts.at(-1);
    else if (option.key !== undefined) {
      settings.push({ key: option.key, name, texts: texts.map((text) => `${option.prefix ?? ''}${text}`) });
    }
    flags[camelCase(name)] = typedValue(option, name, value);
  }
  for (const [index, argument] of (command.arguments ?? []).entries()) {
    const texts = argument.variadic ? args.slice(index) : args.slice(index, index + 1);
    if (argument.key !== undefined && texts.length > 0) {
      settings.push({ key: argument.key, name: argument.name.toUpperCase(), texts });
    }
  }
  return { flags, settings, config };
}

function typedValue(option: OptionSpec, name: string, value: unknown): unknown {
  if (typeof value === 'boolean') return value;
  if (option.repeatable) return (value as string[]).flatMap((text) => typedText(option, name, text));
  return typedText(option, name, value as string);
}

function typedText(option: OptionSpec, name: string, text: string): unknown {
  if (option.choices !== undefined && !option.choices.includes(text)) throw notAChoice(option.choices, name, text);
  if (option.key !== undefined && option.key !== 'config') {
    const row = settingRow(option.key);
    if (row === undefined) throw new AnomalyError('ANM_INTERNAL', `${name} sets ${option.key}, which is no key`);
    // What is wrong with it is reported with the other problems of the configuration.
    return parseText(row, text).value;
  }
  switch (option.type) {
    case 'integer':
    case 'number': {
      const number = text.trim() === '' ? Number.NaN : Number(text);
      if (Number.isNaN(number) || (option.type === 'integer' && !Number.isSafeInteger(number))) {
        throw new AnomalyError(
          'ANM_USAGE',
          `${name} wants a ${option.type === 'integer' ? 'whole ' : ''}number, got "${text}"`,
        );
      }
      return number;
    }
    case 'duration': {
      const durationMs = parseDuration(text);
      if (durationMs !== null) return durationMs;
      throw new AnomalyError('ANM_USAGE', `${name} wants a duration such as 250ms, 5m or 1h30m, got "${text}"`);
    }
    case 'list':
      return splitList(text);
    default:
      return text;
  }
}

function notAChoice(choices: readonly string[], name: string, text: string): AnomalyError {
  const near = nearest(text, choices);
  return new AnomalyError('ANM_USAGE', `${name} wants ${choices.join(', ')}, got "${text}"`, {
    hint: near === undefined ? 'anomaly help shows the options of a command' : `did you mean ${near}?`,
  });
}

/** '-o, --output <format>' -> '--output'; '--no-input' -> '--input', as commander names its value. */
function longName(flags: string): string {
  const names = flagNames(flags);
  const long = names.find((name) => name.startsWith('--')) ?? names[0] ?? flags;
  return long.startsWith('--no-') ? `--${long.slice(5)}` : long;
}

function camelCase(name: string): string {
  return name.replace(/^-+/, '').replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
