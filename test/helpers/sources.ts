import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface SourceFile {
  /** From the repository's root, with slashes: 'src/wire/crc32c.ts'. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly SourceImport[];
}

export interface SourceImport {
  readonly line: number;
  /** As written. */
  readonly specifier: string;
  /** Path of a relative import from the root; undefined for packages. */
  readonly target: string | undefined;
  /** What is taken, as the other file calls it; empty for import() and for all of a file. */
  readonly names: readonly string[];
  /** Gone when the types are. */
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

/** All TypeScript files below a folder of the repository. */
export function sourceFiles(folder: string): SourceFile[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.tsx?$/.test(name))
    .sort()
    .map((name) => {
      const path = relative(ROOT, join(ROOT, folder, name)).replaceAll('\\', '/');
      const text = readFileSync(join(ROOT, path), 'utf8');
      return { path, text, imports: importsOf(path, text) };
    });
}

const STATIC =
  /^[ \t]*(import|export)\b(?!\s*\()([^;'"]*?)\bfrom\s*['"]([^'"]+)['"]|^[ \t]*import\s*['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Imports of a file, by their syntax: the sources are formatted, so lines begin with their keyword. */
export function importsOf(path: string, text: string): SourceImport[] {
  const code = blankComments(text);
  const found: SourceImport[] = [];
  const add = (
    index: number,
    specifier: string,
    names: readonly string[],
    typeOnly: boolean,
    dynamic: boolean,
  ): void => {
    const target = specifier.startsWith('.') ? join(dirname(path), specifier).replaceAll('\\', '/') : undefined;
    found.push({ line: lineAt(code, index), specifier, target, names, typeOnly, dynamic });
  };
  for (const match of code.matchAll(STATIC)) {
    const clause = match[2] ?? '';
    const names =
      /\{([^}]*)\}/
        .exec(clause)?.[1]
        ?.split(',')
        .map((name) => name.trim())
        .filter(Boolean) ?? [];
    const onlyTypes = names.length > 0 && names.every((name) => name.startsWith('type ')) && /^\s*\{/.test(clause);
    const taken = names.map((name) => name.replace(/^type /, '').replace(/ as .*/, ''));
    add(match.index, match[3] ?? match[4]!, taken, /^\s*type\b/.test(clause) || onlyTypes, false);
  }
  for (const match of code.matchAll(DYNAMIC)) {
    // import('x').Y in a type is no load.
    const isType =
      /^\s*\./.test(code.slice(match.index + match[0].length)) &&
      !/await\s*$|\(\s*await\s*$/.test(code.slice(0, match.index));
    const typeOnly =
      (isType && !/^\s*\.(then|catch)\b/.test(code.slice(match.index + match[0].length))) ||
      /typeof\s*$/.test(code.slice(0, match.index));
    add(match.index, match[1]!, [], typeOnly, true);
  }
  return found;
}

/** The same text with comments as spaces, so that places stay. Strings with comment signs in them are left alone. */
export function blankComments(text: string): string {
  return text.replace(
    /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (all, string?: string) => (string === undefined ? all.replace(/[^\n]/g, ' ') : all),
  );
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
