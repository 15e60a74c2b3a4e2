import { formatDuration } from '../config/duration.ts';
import { flowText, userItem } from '../config/flowText.ts';
import { settingRow } from '../config/settingsTable.ts';
import { AnomalyError } from '../errors.ts';
import type { Command, CommandContext } from './command.ts';

const show: Command = {
  name: 'config show',
  group: 'Setup',
  summary: 'Show every configuration key with its value, and with --origin where it came from',
  description:
    'Precedence: flag, -X, ANOMALY_*, RPK_*, anomaly.yaml, the file of the user, rpk profile, default.\nSecrets are not shown.',
  arguments: [{ name: 'prefix', summary: 'only keys that begin so, as score or tls.ca' }],
  options: [
    { flags: '--origin', summary: 'with the place that set each key', type: 'boolean' },
    { flags: '--changed', summary: 'only keys that are not at their default', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly config show --origin', comment: 'each key, its value, its origin' },
    { command: 'anomaly config show score -o json', comment: 'the keys of one section' },
  ],
  run: showSettings,
};

const path: Command = {
  name: 'config path',
  group: 'Setup',
  summary: 'Show the configuration files that are looked for, strongest first',
  takesBrokenSettings: true,
  examples: [
    { command: 'anomaly config path', comment: 'which files there are' },
    { command: 'anomaly config path -o json', comment: 'the same for programs' },
  ],
  run: async ({ settings, output }) => {
    await output.table('files', settings.files, [
      { header: 'file', value: (file) => file.path },
      { header: 'kind', value: (file) => file.kind },
      { header: 'found', value: (file) => (file.found ? 'yes' : 'no') },
    ]);
    return 0;
  },
};

const init: Command = {
  name: 'config init',
  group: 'Setup',
  summary: 'Write a commented anomaly.yaml to begin with',
  arguments: [{ name: 'file', summary: 'where to; default ./anomaly.yaml' }],
  options: [{ flags: '--force', summary: 'replace a file that is there', type: 'boolean' }],
  takesBrokenSettings: true,
  examples: [
    { command: 'anomaly config init', comment: 'writes ./anomaly.yaml' },
    { command: 'anomaly config init pumps.yaml --force', comment: 'another name, even when it is there' },
  ],
  run: initFile,
};

export const configCommands: readonly Command[] = [show, path, init];

async function showSettings({ settings, output, args, flags }: CommandContext): Promise<number> {
  const prefix = args[0] ?? '';
  const rows = [...settings.entries()]
    .filter((row) => row.key.startsWith(prefix) && (flags['changed'] !== true || row.origin !== 'default'))
    .map(({ key, value, origin, place }) => ({ key, value: userValue(value) ?? null, origin, place: place || null }));
  if (rows.length === 0 && prefix !== '' && settingRow(prefix) === undefined && flags['changed'] !== true) {
    throw new AnomalyError('ANM_USAGE', `no key begins with ${prefix}`, { hint: 'anomaly -X list shows all keys' });
  }
  await output.table('settings', rows, [
    { header: 'key', value: (row) => row.key },
    { header: 'value', value: (row) => valueText(row.key, row.value) },
    { header: 'origin', value: (row) => row.origin, wide: flags['origin'] !== true },
    { header: 'place', value: (row) => row.place, wide: flags['origin'] !== true },
  ]);
  return 0;
}

/** A value in the notation of flags where there is one. */
export function valueText(key: string, value: unknown): string {
  const row = settingRow(key);
  if (value === null || value === undefined) return row?.defaultText ?? '-';
  if (row?.type === 'duration') return formatDuration(value as number);
  if (row?.type === 'list') return (value as string[]).join(',');
  if (row?.type === 'map') {
    return Object.entries(value as Record<string, string>)
      .map(([name, target]) => `${name}=${target}`)
      .join(',');
  }
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'none' : flowText(value);
  return String(value);
}

/** Windows, features and overrides as anomaly.yaml has them. */
function userValue(value: unknown): unknown {
  const isItem = (each: unknown) => typeof each === 'object' && each !== null;
  return Array.isArray(value)
    ? value.map((each) => (isItem(each) ? userItem(each as Record<string, unknown>) : each))
    : value;
}

async function initFile({ args, flags, cwd, output }: CommandContext): Promise<number> {
  const [{ writeFile }, { resolve }, { CONFIG_TEMPLATE }] = await Promise.all([
    import('node:fs/promises'),
    import('node:path'),
    import('../config/template.ts'),
  ]);
  const target = resolve(cwd, args[0] ?? 'anomaly.yaml');
  try {
    await writeFile(target, CONFIG_TEMPLATE, { flag: flags['force'] === true ? 'w' : 'wx' });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new AnomalyError('ANM_CONFIG', `cannot write ${target}${exists ? ' as it is already there' : ''}`, {
      ...(exists ? { hint: 'use --force to replace it' } : { cause, hint: 'choose a directory that can be written' }),
    });
  }
  await output.document({ written: target }, () => `wrote ${target}`);
  return 0;
}
