import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { openTextFile, TextOutput } from '../output/textOutput.ts';
import type { CommandContext } from './command.ts';

export type Place =
  | { readonly kind: 'topic'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'pipe' };

/** What an INPUT or --to names: - is a pipe; a path with a slash or a known ending, or an existing file, is a file. */
export function placeOf(text: string, cwd: string): Place {
  if (text === '-') return { kind: 'pipe' };
  const path = resolve(cwd, text);
  if (text.includes('/') || /\.(ndjson|jsonl|json|csv|tsv)(\.gz)?$/.test(text) || existsSync(path))
    return { kind: 'file', path };
  return { kind: 'topic', name: text };
}

/** Where the lines of a stage go, when not to a topic. @throws ANM_FILE */
export async function openOutput(context: CommandContext, to: Place): Promise<TextOutput> {
  return to.kind === 'file' ? await openTextFile(to.path) : new TextOutput(context.stdout);
}
