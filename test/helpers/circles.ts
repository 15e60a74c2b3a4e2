import type { SourceFile } from './sources.ts';

type Imports = Pick<SourceFile, 'path' | 'imports'>;

/**
 * Files that import each other, however: by types, by re-exports, by import(). Each circle is whole, as the files that all
 * reach each other, and has one line an import that ties it: 'src/a.ts:3: takes B, c of src/b.ts'.
 */
export function circlesOf(files: readonly Imports[]): { readonly paths: readonly string[]; readonly ties: string[] }[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return stronglyConnected(byPath)
    .filter((paths) => paths.length > 1)
    .map((paths) => ({ paths, ties: paths.flatMap((path) => tiesOf(byPath.get(path)!, paths)) }));
}

function tiesOf({ path, imports }: Imports, circle: readonly string[]): string[] {
  return imports
    .filter(({ target }) => target !== undefined && circle.includes(target))
    .map(({ line, names, target }) => `${path}:${line}: takes ${names.join(', ') || 'all'} of ${target}`);
}

/** Tarjan's: each file once, with the lowest place on the way that is reached from it. */
function stronglyConnected(byPath: ReadonlyMap<string, Imports>): string[][] {
  const places = new Map<string, number>();
  const way: string[] = [];
  const left = new Set<string>();
  const found: string[][] = [];
  const visit = (path: string): number => {
    const place = places.size;
    places.set(path, place);
    way.push(path);
    let lowest = place;
    for (const { target } of byPath.get(path)!.imports) {
      if (target === undefined || !byPath.has(target) || left.has(target)) continue;
      lowest = Math.min(lowest, places.get(target) ?? visit(target));
    }
    if (lowest < place) return lowest;
    const all = way.splice(way.indexOf(path));
    for (const each of all) left.add(each);
    found.push(all.sort());
    return lowest;
  };
  for (const path of byPath.keys()) if (!places.has(path)) visit(path);
  return found;
}
