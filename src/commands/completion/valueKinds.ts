import type { ArgumentSpec, OptionSpec } from '../command.ts';
import { flagNames } from '../options/commandOptions.ts';

/** What completion asks for when a value is wanted: names on the cluster, and profiles of rpk. */
export const VALUE_KINDS = ['topics', 'groups', 'pipelines', 'profiles'] as const;
export type ValueKind = (typeof VALUE_KINDS)[number];

const BY_FLAG: Readonly<Record<string, ValueKind>> = {
  '--group': 'groups',
  '--to-group': 'groups',
  '--pipeline': 'pipelines',
  '--profile': 'profiles',
  '--topic': 'topics',
  '--to-topic': 'topics',
};

const BY_ARGUMENT: Readonly<Record<string, ValueKind>> = {
  topic: 'topics',
  input: 'topics',
  inputs: 'topics',
  source: 'topics',
  group: 'groups',
  pipeline: 'pipelines',
};

/** By its name, or by what stands for its value: `--sink-late <topic>`. */
export function optionValues({ flags }: OptionSpec): ValueKind | undefined {
  if (/<(topic|target)>/.test(flags)) return 'topics';
  return flagNames(flags)
    .map((name) => BY_FLAG[name])
    .find((kind) => kind !== undefined);
}

export function argumentValues(command: string, { name }: ArgumentSpec): ValueKind | undefined {
  return command === 'help' || command === 'produce' ? undefined : BY_ARGUMENT[name];
}
