import { isAbsolute, join, relative } from 'node:path';
import { AnomalyError } from '../errors.ts';
import { configDirectory, stateDirectory } from '../platform/paths.ts';
import { parseText } from './check.ts';
import type { ValueIssue } from './checked.ts';
import { type Found, readFileKeys, unknownDottedKey } from './fileKeys.ts';
import { isItemKind } from './items.ts';
import type { Origin } from './origin.ts';
import type { Problem } from './problem.ts';
import { ResolvedSettings } from './resolvedSettings.ts';
import { readRpkProfile } from './rpkProfile.ts';
import type { SettingRow } from './settingRow.ts';
import type { Settings } from './settings.ts';
import type { SettingsFile } from './settingsFile.ts';
import { envName, SETTINGS_TABLE, settingRow } from './settingsTable.ts';
import { isSecretReference, splitList } from './values.ts';
import { readYamlFile } from './yamlFile.ts';

/** A flag or argument that sets a key: its texts as the user wrote them. */
export interface FlagValue {
  readonly key: string;
  /** '--size', or the name of an argument. */
  readonly name: string;
  readonly texts: readonly string[];
}

export interface SettingsInput {
  readonly flags: readonly FlagValue[];
  /** key=value of each -X. */
  readonly extras: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** --config. */
  readonly config?: string | undefined;
  readonly profile?: string | undefined;
  readonly ignoreProfile?: boolean | undefined;
}

/** Reads every source once. Problems are collected; `problemError` (problems.ts) makes one error of them. */
export async function loadSettings(input: SettingsInput): Promise<Settings> {
  const problems: Problem[] = [];
  const layers: ReadonlyMap<string, Found>[] = [
    readFlags(input.flags, problems),
    readExtras(input.extras, problems),
    readEnvironment(input.env, 'ANOMALY', problems),
    readEnvironment(input.env, 'RPK', problems),
  ];
  const { files, sections } = await readFiles(input, layers, problems);
  const found = new Map<string, Found>();
  for (const layer of layers.toReversed()) for (const [key, value] of layer) found.set(key, value);
  const calendars = await calendarsOf(found.get('calendars'), input.cwd, problems);
  return new ResolvedSettings({
    found,
    ...(calendars !== undefined && { calendars }),
    problems,
    files,
    sections,
    env: input.env,
    cwd: input.cwd,
    stateDirectory: stateDirectory(input.env),
  });
}

/** The files that `calendars` names: read with the settings, so that what is wrong with one is told with the rest. */
async function calendarsOf(found: Found | undefined, cwd: string, problems: Problem[]) {
  if (found === undefined) return undefined;
  const { readCalendars } = await import('./calendars/readCalendars.ts');
  return await readCalendars(found.value as Record<string, string>, found.place, cwd, problems);
}

async function readFiles(
  input: SettingsInput,
  layers: ReadonlyMap<string, Found>[],
  problems: Problem[],
): Promise<{ files: SettingsFile[]; sections: Set<string> }> {
  const files: SettingsFile[] = [];
  const sections = new Set<string>();
  const asked = input.config ?? (input.env['ANOMALY_CONFIG'] || undefined);
  const project = asked === undefined ? join(input.cwd, 'anomaly.yaml') : absolute(asked, input.cwd);
  const user = join(configDirectory(input.env), 'config.yaml');
  for (const [kind, path] of [
    ['project file', project],
    ['user file', user],
  ] as const) {
    const file = await readYamlFile(path);
    files.push({ kind, path, found: file !== null });
    if (file === null) {
      if (kind === 'user file' || asked === undefined) continue;
      throw new AnomalyError('ANM_CONFIG', `cannot read ${asked} as there is no such file`, {
        hint: 'anomaly config init writes one',
      });
    }
    const keys = readFileKeys(file, kind, shownPath(path, input.cwd));
    problems.push(...keys.problems);
    layers.push(keys.found);
    for (const section of keys.sections) sections.add(section);
  }
  if (input.ignoreProfile !== true) {
    const profile = await readRpkProfile({ env: input.env, name: input.profile });
    const { path, exists: found, name } = profile;
    files.push({ kind: 'rpk profile', path, found, ...(name !== undefined && { name }) });
    problems.push(...profile.problems);
    layers.push(profile.found);
  }
  return { files, sections };
}

function readFlags(flags: readonly FlagValue[], problems: Problem[]): Map<string, Found> {
  const found = new Map<string, Found>();
  const listed = new Map<string, string[]>();
  for (const { key, name, texts } of flags) {
    const row = settingRow(key);
    if (row === undefined)
      throw new AnomalyError('ANM_INTERNAL', `${name} sets ${key}, which the settings table lacks`);
    // Two names of one list, as --size and --window, make one list.
    const before = row.type === 'windows' ? (listed.get(key) ?? []) : [];
    const all = [...before, ...texts];
    listed.set(key, all);
    addText(
      found,
      problems,
      row,
      all.join(row.type === 'expressions' ? '\n' : ','),
      'flag',
      name,
      splitList(before.join(',')).length,
    );
  }
  return found;
}

function readExtras(extras: readonly string[], problems: Problem[]): Map<string, Found> {
  const found = new Map<string, Found>();
  for (const extra of extras) {
    const equals = extra.indexOf('=');
    const key = equals < 0 ? extra : extra.slice(0, equals);
    const row = settingRow(key);
    const place = `-X ${key}`;
    if (row === undefined) problems.push({ place, key, ...unknownDottedKey(key) });
    else if (equals < 0) problems.push({ place, key, message: 'wants a value: -X key=value', later: false });
    else addText(found, problems, row, extra.slice(equals + 1), 'flag', place);
  }
  return found;
}

function readEnvironment(
  env: SettingsInput['env'],
  prefix: 'ANOMALY' | 'RPK',
  problems: Problem[],
): Map<string, Found> {
  const found = new Map<string, Found>();
  for (const row of SETTINGS_TABLE) {
    const name = prefix === 'ANOMALY' ? envName(row.key) : row.rpkEnv;
    const text = name === undefined ? undefined : env[name];
    if (name !== undefined && text !== undefined && text !== '')
      addText(found, problems, row, text, 'environment', name);
  }
  return found;
}

function addText(
  found: Map<string, Found>,
  problems: Problem[],
  row: SettingRow,
  text: string,
  origin: Origin,
  place: string,
  /** How many items of the text were there before this flag. */
  known = 0,
): void {
  if (row.type === 'secret' && origin === 'flag' && !isSecretReference(text)) {
    // The command line is in the shell's history and in the process list.
    const message = `may not stand in plain text on the command line: use file:PATH, env:NAME or ${envName(row.key)}`;
    problems.push({ place, key: row.key, message, later: false });
    return;
  }
  const checked = parseText(row, text);
  for (const issue of checked.issues) {
    const { message, later = false } = issue;
    // Of an item that another flag of the list gave, that flag has told.
    if (typeof issue.path[0] === 'number' && issue.path[0] < known) continue;
    problems.push({ ...whereOf(row, text, place, issue), message, later });
  }
  if (checked.issues.length === 0) found.set(row.key, { value: checked.value, origin, place });
}

/** The item of a list of objects, and its field; the entry of a map of expressions. */
function whereOf(row: SettingRow, text: string, place: string, { path }: ValueIssue): Pick<Problem, 'place' | 'key'> {
  const [first, ...rest] = path;
  if (row.type === 'expressions' && first !== undefined) return { place, key: `${row.key}.${first}` };
  if (!isItemKind(row.type)) return { place, key: row.key };
  const item = typeof first === 'number' ? ` ${splitList(text)[first]}` : '';
  const field = rest.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return { place: `${place}${item}`, key: field.slice(1) };
}

function absolute(path: string, cwd: string): string {
  return isAbsolute(path) ? path : join(cwd, path);
}

/** Relative where that is shorter to read. */
export function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith('..') || short === '' ? path : short;
}
