import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { openTextFile, TextOutput } from '../output/textOutput.ts';
import type { CommandContext } from './command.ts';

export type Place =
  | { readonly kind: 'topic'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'pipe' };

/** What an INPUT names: - is a pipe; a path with a slash or a known ending, or a file that is there, is a file. */
export function inputPlace(text: string, cwd: string): Place {
  const place = outputPlace(text, cwd);
  if (place.kind !== 'topic') return place;
  const path = resolve(cwd, text);
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? { kind: 'file', path } : place;
}

/** What --to names: the same, but a bare name is a topic even where a file has it, since that would be overwritten. */
export function outputPlace(text: string, cwd: string): Place {
  if (text === '-') return { kind: 'pipe' };
  const isPath = text.includes('/') || /\.(ndjson|jsonl|json|csv|tsv|parquet|avro)(\.(gz|zst))?$/.test(text);
  return isPath ? { kind: 'file', path: resolve(cwd, text) } : { kind: 'topic', name: text };
}

/** Where the lines of a stage go, when not to a topic. @throws ANM_FILE */
export async function openOutput(context: CommandContext, to: Place): Promise<TextOutput> {
  return to.kind === 'file' ? await openTextFile(to.path) : new TextOutput(context.stdout);
}
