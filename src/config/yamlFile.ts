import { readFile } from 'node:fs/promises';
import type { Problem } from './problem.ts';

/** A parsed YAML (or JSON) file that knows the line of each key. */
export interface YamlFile {
  readonly path: string;
  readonly root: unknown;
  /** Line of the key at a path, from 1; of the nearest parent where the path leads nowhere. */
  lineOf(path: readonly (string | number)[]): number;
  /** Texts that are no YAML; the root is undefined then. */
  readonly problems: readonly Problem[];
}

/** Null when there is no such file. Other failures to read it are a problem of the file. */
export async function readYamlFile(path: string): Promise<YamlFile | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    const problem = { place: path, key: '', message: `cannot be read: ${(error as Error).message}`, later: false };
    return { path, root: undefined, lineOf: () => 1, problems: [problem] };
  }
  return parseYaml(path, text);
}

export async function parseYaml(path: string, text: string): Promise<YamlFile> {
  // Parsing takes 60 ms to load: only those pay who have a file.
  const { parseDocument, LineCounter, isMap, isPair, isScalar, isSeq } = await import('./yamlLibrary.ts');
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const lineAt = (offset: number) => Math.max(1, counter.linePos(offset).line);
  const problems = document.errors.map((error) => ({
    place: `${path}:${lineAt(error.pos[0])}`,
    key: '',
    message: error.message.replace(/\.?\s*$/, ''),
    later: false,
  }));
  const lineOf = (wanted: readonly (string | number)[]): number => {
    let node: unknown = document.contents;
    let line = 1;
    for (const step of wanted) {
      if (isMap(node)) {
        const pair = node.items.find(
          (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
        );
        if (pair === undefined) break;
        line = lineAt((pair.key as { range?: [number, number, number] }).range?.[0] ?? 0);
        node = pair.value;
      } else if (isSeq(node) && typeof step === 'number') {
        const item = node.items[step] as { range?: [number, number, number] } | undefined;
        if (item === undefined) break;
        line = lineAt(item.range?.[0] ?? 0);
        node = item;
      } else break;
    }
    return line;
  };
  const root = problems.length > 0 ? undefined : document.toJS();
  return { path, root: root ?? (problems.length > 0 ? undefined : {}), lineOf, problems };
}
