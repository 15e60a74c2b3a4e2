import { AnomalyError } from '../../errors.ts';
import type { DeadLetter } from '../../runtime/output/deadLetter.ts';
import type { CommandContext } from '../command.ts';
import { parseOffsets } from '../options/offsetGrammar.ts';

export type LetterFilter = (letter: DeadLetter) => boolean;

/** What the filter flags say, as one predicate. @throws ANM_USAGE */
export function letterFilter({ flags, now }: CommandContext): LetterFilter {
  const text = (name: string) => flags[name] as string | undefined;
  const sinceMs = timeOf('--since', text('since'), now(), -Infinity);
  const untilMs = timeOf('--until', text('until'), now(), Infinity);
  const exception = text('exception') === undefined ? undefined : wholeMatch(text('exception')!);
  const message = text('message') === undefined ? undefined : messageMatch(text('message')!);
  const topics = flags['topic'] as string[] | undefined;
  const partitions = flags['partition'] as number[] | undefined;
  const range = text('offset') === undefined ? undefined : offsetRange(text('offset')!);
  const entries = (flags['entry'] as string[] | undefined)?.map(entryOf);
  return (letter) =>
    letter.timeMs >= sinceMs &&
    letter.timeMs < untilMs &&
    (exception === undefined || exception(letter.exception ?? '')) &&
    (message === undefined || message(letter.message ?? '')) &&
    (topics === undefined || (letter.sourceTopic !== null && topics.includes(letter.sourceTopic))) &&
    (partitions === undefined || (letter.sourcePartition !== null && partitions.includes(letter.sourcePartition))) &&
    (range === undefined || overlaps(letter, range)) &&
    (entries === undefined ||
      entries.some((each) => each.partition === letter.partition && each.offset === letter.offset));
}

function timeOf(flag: string, text: string | undefined, nowMs: number, otherwise: number): number {
  if (text === undefined) return otherwise;
  try {
    const { from, to } = parseOffsets(`@${text.replace(/^@/, '')}`, nowMs);
    if (to === undefined && from.kind === 'time') return from.timeMs;
    if (to === undefined && from.kind === 'start') return -Infinity;
    if (to === undefined && from.kind === 'end') return nowMs;
  } catch {
    // Said below with the name of the flag.
  }
  throw new AnomalyError('ANM_USAGE', `${flag} cannot be "${text}"`, {
    hint: 'it takes @time: epoch seconds or ms, a date, RFC 3339, or a negative duration as @-1h',
  });
}

function offsetRange(text: string): readonly [number, number] {
  const match = /^(\d{1,16})(?::(\d{1,16})?)?$/.exec(text);
  if (match === null) {
    throw new AnomalyError('ANM_USAGE', `--offset cannot be "${text}"`, {
      hint: 'here it takes source offsets: 42, 42: (from there on) or 42:50 (50 not included)',
    });
  }
  const from = Number(match[1]);
  if (match[2] !== undefined) return [from, Number(match[2])];
  return [from, text.endsWith(':') ? Infinity : from + 1];
}

/** A batch that could not be read stands for several offsets. */
function overlaps({ sourceOffset, nextOffset }: DeadLetter, [from, to]: readonly [number, number]): boolean {
  if (sourceOffset === null) return false;
  return sourceOffset < to && (nextOffset ?? sourceOffset + 1) > from;
}

function entryOf(text: string): { partition: number; offset: number } {
  const match = /^(\d{1,9})[/@](\d{1,16})$/.exec(text);
  if (match === null) throw new AnomalyError('ANM_USAGE', `--entry wants PARTITION/OFFSET as 0/17, got "${text}"`);
  return { partition: Number(match[1]), offset: Number(match[2]) };
}

function messageMatch(pattern: string): (text: string) => boolean {
  if (/[*?]/.test(pattern)) return wholeMatch(pattern);
  const part = pattern.toLowerCase();
  return (text) => text.toLowerCase().includes(part);
}

/** `*` and `?` over the whole text, whatever its case. */
function wholeMatch(pattern: string): (text: string) => boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`, 'is');
  return (text) => expression.test(text);
}
