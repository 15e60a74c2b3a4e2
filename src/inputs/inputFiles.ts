import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { AnomalyError } from '../errors.ts';
import type { FileCompression } from './decompress.ts';
import type { Dialect } from './rowChunk.ts';

/** One file to read, or stdin. */
export interface InputFile {
  /** Absolute path; '-' for stdin. */
  readonly path: string;
  /** As messages and rejects name it: relative to the working directory. */
  readonly name: string;
  /** Path without extension, relative to the given folder: the name of the series when rows are keyed by file. */
  readonly series: string;
  /** From the extension; null for stdin, where the first byte decides. */
  readonly dialect: Dialect | null;
  readonly compression: FileCompression;
  readonly container: Container;
  /** Size on disk in bytes; 0 for stdin. */
  readonly sizeBytes: number;
  /** Time of the last change and inode number, as the file was found: tells whether it changed while it was read. */
  readonly modifiedMs: number;
  readonly inode: number;
}

/** What holds the rows: text, cut as CSV or JSON Lines, or a format with a schema of its own. */
export type Container = 'text' | 'parquet' | 'avro';

export const STDIN = '-';
const EXTENSION = /\.(csv|tsv|txt|jsonl|ndjson|json|parquet|avro)(\.(?:gz|zst))?$/i;
/** What is read from a folder without being named: other .json and .txt files mostly are no rows. */
const FOLDER_EXTENSION = /\.(csv|tsv|jsonl|ndjson|parquet|avro)(\.(gz|zst))?$/i;
/** What an earlier load could not read, and wrote beside it. */
const REJECTS = /\.rejects\.ndjson$/i;
const STDIN_FILE: InputFile = {
  ...{ path: STDIN, name: 'stdin', series: 'stdin', dialect: null },
  ...{ compression: 'none', container: 'text', sizeBytes: 0, modifiedMs: 0, inode: 0 },
};
const GLOB_CHARACTERS = /[*?[{]/;

/**
 * The files that arguments stand for: a file, a folder (recursive, rejects files and all whose name begins with a point
 * left out, sorted by path; only .csv, .tsv, .jsonl, .ndjson, .parquet and .avro, and .gz and .zst of these), a glob
 * (`*`, `**`, `?`, `[abc]`, `{a,b}`), or `-` for stdin. Arguments keep their order; a file named twice is read once.
 * What a file holds is what its name says: `identify` looks inside.
 * @throws ANM_FILE
 */
export async function findInputFiles(inputs: readonly string[], cwd: string): Promise<InputFile[]> {
  const found = new Map<string, InputFile>();
  const plain: string[] = [];
  for (const input of inputs) {
    if (input === STDIN) {
      found.set(STDIN, STDIN_FILE);
      continue;
    }
    const { root, paths, single } = await expand(input, cwd);
    if (single) plain.push(paths[0]!);
    for (const path of paths) {
      if (!found.has(path)) found.set(path, await describe(path, root, cwd));
    }
  }
  return nameFromCommonFolder([...found.values()], plain);
}

async function expand(input: string, cwd: string): Promise<{ root: string; paths: string[]; single: boolean }> {
  const path = resolve(cwd, input);
  const info = await stat(path).catch(() => null);
  if (info === null) return expandGlob(input, cwd);
  if (!info.isDirectory()) return { root: dirname(path), paths: [path], single: true };
  const paths = (await walk(path)).filter((each) => FOLDER_EXTENSION.test(each) && !REJECTS.test(each));
  if (paths.length === 0) {
    throw new AnomalyError(
      'ANM_FILE',
      `cannot read ${input} as the folder holds no .csv, .tsv, .jsonl, .ndjson, .parquet or .avro, and no .gz or .zst of these`,
    );
  }
  return { root: path, paths, single: false };
}

async function expandGlob(input: string, cwd: string): Promise<{ root: string; paths: string[]; single: boolean }> {
  if (!GLOB_CHARACTERS.test(input)) throw new AnomalyError('ANM_FILE', `cannot read ${input} as it does not exist`);
  const parts = resolve(cwd, input).split(sep);
  const fixed = parts.findIndex((part) => GLOB_CHARACTERS.test(part));
  const root = parts.slice(0, fixed).join(sep) || sep;
  const pattern = globExpression(parts.slice(fixed).join('/'));
  const all = await walk(root).catch(() => []);
  const paths = all.filter((path) => pattern.test(relative(root, path).split(sep).join('/')));
  if (paths.length === 0) throw new AnomalyError('ANM_FILE', `cannot read ${input} as no file matches it`);
  return { root, paths, single: false };
}

/** Files below a folder, sorted by path. */
async function walk(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const visible = entries.filter((entry) => !entry.name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
  const nested = await Promise.all(visible.map((entry) => walkEntry(join(folder, entry.name), entry)));
  return nested.flat();
}

async function walkEntry(path: string, entry: Dirent): Promise<string[]> {
  if (entry.isDirectory()) return walk(path);
  // A link to a folder is not followed: it could lead back up.
  if (entry.isSymbolicLink()) return (await stat(path).catch(() => null))?.isFile() === true ? [path] : [];
  return entry.isFile() ? [path] : [];
}

async function describe(path: string, root: string, cwd: string): Promise<InputFile> {
  const match = EXTENSION.exec(path);
  const kind = match?.[1]?.toLowerCase();
  const name = relative(cwd, path);
  const info = await stat(path);
  const container = kind === 'parquet' || kind === 'avro' ? kind : 'text';
  return {
    path,
    name: name.startsWith('..') ? path : name,
    series: seriesName(relative(root, path)),
    dialect: kind === undefined || container !== 'text' ? null : kind.includes('json') ? 'jsonl' : 'csv',
    compression: match?.[2] === undefined ? 'none' : match[2].toLowerCase() === '.gz' ? 'gzip' : 'zstd',
    container,
    sizeBytes: info.size,
    modifiedMs: info.mtimeMs,
    inode: info.ino,
  };
}

/** Files given one by one (as a shell's glob does) are named from their common folder, as if that had been given. */
function nameFromCommonFolder(files: readonly InputFile[], plain: readonly string[]): InputFile[] {
  if (plain.length < 2) return [...files];
  let common = dirname(plain[0]!);
  for (const path of plain) {
    while (relative(common, path).startsWith('..')) common = dirname(common);
  }
  const given = new Set(plain);
  return files.map((file) =>
    given.has(file.path) ? { ...file, series: seriesName(relative(common, file.path)) } : file,
  );
}

function seriesName(path: string): string {
  const name = path.split(sep).join('/').replace(EXTENSION, '');
  return name === '' ? basename(path) : name;
}

function globExpression(pattern: string): RegExp {
  let source = '';
  let depth = 0;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    if (pattern.startsWith('**/', i)) {
      source += '(?:.*/)?';
      i += 2;
    } else if (pattern.startsWith('**', i)) {
      source += '.*';
      i++;
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[' && pattern.includes(']', i + 2)) {
      const close = pattern.indexOf(']', i + 2);
      source += `[${pattern
        .slice(i + 1, close)
        .replace(/^!/, '^')
        .replaceAll('\\', '\\\\')}]`;
      i = close;
    } else if (char === '{') {
      depth++;
      source += '(?:';
    } else if (char === '}' && depth > 0) {
      depth--;
      source += ')';
    } else if (char === ',' && depth > 0) source += '|';
    else source += char.replace(/[.+^${}()|[\]\\]/, '\\$&');
  }
  return new RegExp(`^${source}${')'.repeat(depth)}$`, 's');
}
