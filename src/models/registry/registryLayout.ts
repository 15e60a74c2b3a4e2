import { namePart } from '../../stores/objectNames.ts';
import type { StoredObject } from '../../stores/objectStore.ts';

/*
 * NAME/versions/000004.json        the manifest of version 4, created last
 * NAME/removed/000004.json         version 4 was removed, by whom and when; the manifest stays, as journals name it
 * NAME/files/ID/model.onnx         the files of one upload, which the manifest names
 * NAME/aliases/champion/000007.json  the 7th change of the alias: what it points at, what before, by whom, when
 */

/** What the names of a model's objects say. */
export interface ModelFolder {
  readonly name: string;
  /** Those that are there, ascending. */
  readonly versions: readonly number[];
  /** Highest number ever given; 0 for none. */
  readonly lastNumber: number;
  /** By name, with the number of the last change. */
  readonly aliases: readonly { readonly alias: string; readonly last: number }[];
}

/** `000004.json`: names are in the order of numbers up to a million. */
export function numbered(number: number): string {
  return `${String(number).padStart(6, '0')}.json`;
}

/** Folder of a model, with the slash at its end. */
export function modelFolder(name: string): string {
  return `${namePart(name)}/`;
}

/** Models by name, of the objects of a registry or of a part of it. What is not of a registry is passed over. */
export function readFolders(objects: readonly StoredObject[]): ModelFolder[] {
  const folders = new Map<string, { all: Set<number>; removed: Set<number>; aliases: Map<string, number> }>();
  for (const object of objects) {
    const match = /^([^/]+)\/(?:(versions|removed)|aliases\/([^/]+))\/(\d{6,9})\.json$/.exec(object.name);
    const name = decoded(match?.[1]);
    if (match === null || name === undefined) continue;
    const folder = folders.get(name) ?? { all: new Set(), removed: new Set(), aliases: new Map() };
    folders.set(name, folder);
    const number = Number(match[4]);
    const alias = decoded(match[3]);
    if (alias !== undefined) folder.aliases.set(alias, Math.max(number, folder.aliases.get(alias) ?? 0));
    else (match[2] === 'versions' ? folder.all : folder.removed).add(number);
  }
  return [...folders]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { all, removed, aliases }]) => ({
      name,
      versions: [...all].filter((number) => !removed.has(number)).sort((a, b) => a - b),
      lastNumber: Math.max(0, ...all, ...removed),
      aliases: [...aliases].map(([alias, last]) => ({ alias, last })).sort((a, b) => (a.alias < b.alias ? -1 : 1)),
    }));
}

function decoded(part: string | undefined): string | undefined {
  if (part === undefined) return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
