import { nearest } from '../errors/nearest.ts';
import { checkNode } from './check.ts';
import { show } from './checked.ts';
import { LATER_KEYS } from './laterKeys.ts';
import type { Origin } from './origin.ts';
import type { Problem } from './problem.ts';
import type { SettingRow } from './settingRow.ts';
import { SETTINGS_TABLE } from './settingsTable.ts';
import { isSecretReference } from './values.ts';
import type { YamlFile } from './yamlFile.ts';

/** A value with its source. */
export interface Found {
  readonly value: unknown;
  readonly origin: Origin;
  readonly place: string;
}

export interface FileKeys {
  readonly found: ReadonlyMap<string, Found>;
  readonly problems: readonly Problem[];
  /** Top-level keys that are present, an empty `score:` included. */
  readonly sections: ReadonlySet<string>;
}

type Path = readonly (string | number)[];

/** Keys of anomaly.yaml or of the user's file, checked against the settings table; every problem, not just the first. */
export function readFileKeys(file: YamlFile, origin: Origin, shownPath: string): FileKeys {
  const found = new Map<string, Found>();
  const problems: Problem[] = [
    ...file.problems.map((each) => ({ ...each, place: each.place.replace(file.path, shownPath) })),
  ];
  const add = (path: Path, message: string, later = false): void => {
    problems.push({ place: `${shownPath}:${file.lineOf(path)}`, key: keyText(path), message, later });
  };
  const visit = (node: Record<string, unknown>, path: readonly string[]): void => {
    for (const [name, child] of Object.entries(node)) {
      const childPath = [...path, name];
      const key = childPath.join('.');
      const row = SETTINGS_TABLE.find((each) => each.key === key);
      if (row !== undefined) {
        // An empty value is as good as a key that is not there.
        if (child === null) continue;
        const checked = checkFileValue(row, child);
        for (const issue of checked.issues) add([...childPath, ...issue.path], issue.message, issue.later);
        const place = `${shownPath}:${file.lineOf(childPath)}`;
        if (checked.issues.length === 0) found.set(key, { value: checked.value, origin, place });
      } else if (SETTINGS_TABLE.some((each) => each.key.startsWith(`${key}.`))) {
        if (child === null) continue;
        if (isRecord(child)) visit(child, childPath);
        else add(childPath, `wants a map, got ${show(child)}`);
      } else if (LATER_KEYS[key] !== undefined) {
        add(childPath, laterMessage(LATER_KEYS[key]), true);
      } else if (key === 'version') {
        if (child !== 1) add(childPath, `must be 1, got ${show(child)}`);
      } else {
        add(childPath, unknownKey(path, name));
      }
    }
  };
  if (isRecord(file.root)) visit(file.root, []);
  else if (file.root !== undefined) add([], `wants a map of keys, got ${show(file.root)}`);
  return { found, problems, sections: new Set(isRecord(file.root) ? Object.keys(file.root) : []) };
}

/** A secret in a file must be a reference, so that the file can be committed and shown. */
function checkFileValue(row: SettingRow, node: unknown): ReturnType<typeof checkNode> {
  if (row.type !== 'secret') return checkNode(row, node);
  if (typeof node === 'string' && isSecretReference(node)) return { value: node, issues: [] };
  return { issues: [{ path: [], message: 'may not stand here in plain text: use file:PATH or env:NAME' }] };
}

/** windows, 0, size -> windows[0].size. */
export function keyText(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}

export function unknownKey(path: readonly string[], name: string): string {
  const prefix = path.length === 0 ? '' : `${path.join('.')}.`;
  const siblings = new Set(['version'].filter(() => path.length === 0));
  for (const row of SETTINGS_TABLE) {
    if (row.key.startsWith(prefix)) siblings.add(row.key.slice(prefix.length).split('.')[0]!);
  }
  const near = nearest(name, siblings);
  if (near !== undefined) return `is no key; did you mean ${near}?`;
  // A key in the wrong section is as likely as a typing error.
  const elsewhere = SETTINGS_TABLE.find((row) => row.key.split('.').at(-1) === name);
  return elsewhere === undefined ? 'is no key' : `is no key; did you mean ${elsewhere.key}?`;
}

/** For keys given by -X. */
export function unknownDottedKey(key: string): { message: string; later: boolean } {
  const later = LATER_KEYS[key];
  if (later !== undefined) return { message: laterMessage(later), later: true };
  const near = nearest(
    key,
    SETTINGS_TABLE.map((row) => row.key),
  );
  const message = near === undefined ? 'is no key; -X list shows all of them' : `is no key; did you mean ${near}?`;
  return { message, later: false };
}

function laterMessage(what: string): string {
  return `is not known yet, as this version has no ${what}`;
}

function isRecord(node: unknown): node is Record<string, unknown> {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}
