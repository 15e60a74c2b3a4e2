import { nearest } from '../errors/nearest.ts';
import { AnomalyError } from '../errors.ts';
import { rpkFile } from '../platform/paths.ts';
import { checkNode } from './check.ts';
import type { Found } from './fileKeys.ts';
import type { Problem } from './problem.ts';
import { SETTINGS_TABLE } from './settingsTable.ts';
import { readYamlFile, type YamlFile } from './yamlFile.ts';

export interface RpkProfile {
  readonly found: ReadonlyMap<string, Found>;
  readonly problems: readonly Problem[];
  readonly path: string;
  /** False when there is no file. */
  readonly exists: boolean;
  readonly name: string | undefined;
}

interface ProfileChoice {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** --profile. */
  readonly name?: string | undefined;
}

type Node = Record<string, unknown>;

/**
 * Connection keys of the profile that rpk itself would use: --profile, else RPK_PROFILE, else current_profile of
 * rpk.yaml. Read only. Older files have `truststore_file` for `ca_file`.
 */
export async function readRpkProfile(choice: ProfileChoice): Promise<RpkProfile> {
  const path = rpkFile(choice.env);
  const asked = choice.name ?? (choice.env['RPK_PROFILE'] || undefined);
  const file = await readYamlFile(path);
  if (file === null) {
    if (asked !== undefined) throw new AnomalyError('ANM_CONFIG', `cannot use profile ${asked} as there is no ${path}`);
    return { found: new Map(), problems: [], path, exists: false, name: undefined };
  }
  const root = (file.root ?? {}) as Node;
  const profiles = Array.isArray(root['profiles']) ? (root['profiles'] as Node[]) : [];
  const name =
    asked ?? (typeof root['current_profile'] === 'string' ? root['current_profile'] || undefined : undefined);
  const index = profiles.findIndex((profile) => profile?.['name'] === name);
  if (name !== undefined && index < 0 && file.problems.length === 0) throw missingProfile(name, profiles, path);
  return { ...collect(file, root, profiles[index], index), path, exists: true, name };
}

function missingProfile(name: string, profiles: readonly Node[], path: string): AnomalyError {
  const names = profiles.map((profile) => String(profile?.['name']));
  const near = nearest(name, names);
  return new AnomalyError('ANM_CONFIG', `cannot use profile ${name} as ${path} has no such profile`, {
    hint:
      near !== undefined ? `did you mean ${near}?` : `it has ${names.join(', ') || 'none'}; or use --ignore-profile`,
  });
}

function collect(
  file: YamlFile,
  root: Node,
  profile: Node | undefined,
  index: number,
): Pick<RpkProfile, 'found' | 'problems'> {
  const found = new Map<string, Found>();
  const problems: Problem[] = [...file.problems];
  for (const row of SETTINGS_TABLE) {
    if (row.rpkPath === undefined) continue;
    const inGlobals = row.rpkPath.startsWith('globals.');
    if (!inGlobals && profile === undefined) continue;
    const steps = row.rpkPath.split('.');
    const value = valueAt(inGlobals ? root : profile!, steps);
    if (value === undefined || value === null || value === '') continue;
    const place = `${file.path}:${file.lineOf(inGlobals ? steps : ['profiles', index, ...steps])}`;
    const checked = checkNode(row, value);
    for (const issue of checked.issues) problems.push({ place, key: row.key, message: issue.message, later: false });
    if (checked.issues.length === 0) found.set(row.key, { value: checked.value, origin: 'rpk profile', place });
  }
  return { found, problems };
}

function valueAt(root: Node, steps: readonly string[]): unknown {
  let node: unknown = root;
  for (const step of steps) {
    if (typeof node !== 'object' || node === null) return undefined;
    const map = node as Node;
    if (step === 'ca_file' && map[step] === undefined) node = map['truststore_file'];
    // A tls section without `enabled` switches TLS on, as it does in rpk.
    else if (step === 'enabled' && map[step] === undefined) node = true;
    else node = map[step];
  }
  return node;
}
