import { charactersOf, cut, harmless, widthOf } from './text.ts';

/** What a part of a line means; its colour is decided when it is drawn. */
export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'dim' | 'strong' | 'chosen' | 'alarm' | 'safe';

export interface Span {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** A row of the screen as parts from left to right. */
export type Line = readonly Span[];

export interface Paint {
  readonly color: boolean;
  /** Only characters of ASCII. */
  readonly ascii: boolean;
}

/** SGR sequences: the sixteen colours that every theme of a terminal defines. */
const CODES: Readonly<Record<Tone, string>> = {
  good: '\u001b[32m',
  warn: '\u001b[33m',
  bad: '\u001b[31m',
  accent: '\u001b[36m',
  dim: '\u001b[2m',
  strong: '\u001b[1m',
  chosen: '\u001b[7m',
  alarm: '\u001b[97m\u001b[41m',
  safe: '\u001b[30m\u001b[42m',
};

export function line(...parts: readonly (Span | string)[]): Line {
  return parts.map((part) => (typeof part === 'string' ? { text: part } : part));
}

export function span(text: string, tone?: Tone): Span {
  return { text, tone };
}

/** Columns of all parts. */
export function lineWidth(parts: Line): number {
  return parts.reduce((width, { text }) => width + widthOf(harmless(text)), 0);
}

/** Left and right end of one row, as far apart as it is wide; where both have no room, the right one goes. */
export function spread(left: Line, right: Line, width: number): Line {
  const gap = width - lineWidth(left) - lineWidth(right);
  return gap < 1 ? left : [...left, span(' '.repeat(gap)), ...right];
}

/** As the terminal gets it: at most `width` columns, no control character but those of the tones. */
export function drawn(parts: Line, width: number, paint: Paint): string {
  let left = width;
  let text = '';
  for (const part of parts) {
    if (left <= 0) break;
    const short = cut(part.text, left);
    left -= widthOf(short);
    const shown = paint.ascii ? asciiOf(short) : short;
    text += paint.color && part.tone !== undefined ? `${CODES[part.tone]}${shown}\u001b[0m` : shown;
  }
  return text;
}

/** What the panels draw with, in ASCII. */
const ASCII: Readonly<Record<string, string>> = {
  '▁': '_',
  '▂': '.',
  '▃': ':',
  '▄': '-',
  '▅': '=',
  '▆': '+',
  '▇': '*',
  '█': '#',
  '░': '.',
  '─': '-',
  '│': '|',
  '┤': '+',
  '└': '+',
  '┄': '.',
  '…': '~',
  '·': '.',
  '▸': '>',
  '●': '!',
  '’': "'",
  '↑': '^',
  '↓': 'v',
  '→': '>',
};

/** Of the same width: what has no likeness becomes a question mark a column. */
function asciiOf(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return charactersOf(text)
    .map((character) =>
      /^[\x20-\x7e]$/.test(character) ? character : (ASCII[character] ?? '?'.repeat(widthOf(character))),
    )
    .join('');
}

/** Lines whose parts were styled by src/output, whose codes are a few. */
export function linesOf(styledText: string): Line[] {
  const tones: Readonly<Record<string, Tone>> = {
    1: 'strong',
    2: 'dim',
    31: 'bad',
    32: 'good',
    33: 'warn',
    36: 'accent',
  };
  return styledText.split('\n').map((text) => {
    const parts: Span[] = [];
    for (const [, code, styled, plain] of text.matchAll(/\u001b\[(\d+)m(.*?)\u001b\[0m|([^\u001b]+)/g))
      parts.push(code === undefined ? span(plain ?? '') : span(styled ?? '', tones[code]));
    return parts;
  });
}
