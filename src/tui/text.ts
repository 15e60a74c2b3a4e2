import stringWidth from 'string-width';
import { pictured } from '../output/harmless.ts';

/** One column and one code unit a character: Latin, and what the panels draw with. Most of a screen is of these. */
const NARROW =
  /^[\x20-\x7e\u00b7\u00c0-\u024f\u2019\u2026\u2190-\u2193\u2400-\u2421\u2500-\u259f\u25b8\u25cf\u2800-\u28ff]*$/;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Data as it may go to a terminal: a control character becomes its picture (U+2400 block), so that the name of a series
 * can neither move the cursor nor send an escape.
 */
export function harmless(text: string): string {
  if (NARROW.test(text)) return text;
  return pictured(text);
}

/** As people count characters: one with its accents, or a sequence that is drawn as one, is one. */
export function charactersOf(text: string): string[] {
  return [...graphemes.segment(text)].map(({ segment }) => segment);
}

/** Columns that a harmless text takes: wide characters two, combining ones none. */
export function widthOf(text: string): number {
  return NARROW.test(text) ? text.length : stringWidth(text);
}

/** The beginning of a text, at most `width` columns of it; an ellipsis tells that there is more. */
export function cut(text: string, width: number): string {
  const plain = harmless(text);
  if (widthOf(plain) <= width) return plain;
  return width <= 0 ? '' : `${head(plain, width - 1)}…`;
}

/** The end of a text, which of a name tells more than its beginning. */
export function cutStart(text: string, width: number): string {
  const plain = harmless(text);
  if (widthOf(plain) <= width) return plain;
  if (width <= 0) return '';
  if (NARROW.test(plain)) return `…${plain.slice(plain.length - width + 1)}`;
  const parts = charactersOf(plain);
  let [used, from] = [1, parts.length];
  while (from > 0 && used + widthOf(parts[from - 1]!) <= width) used += widthOf(parts[--from]!);
  return `…${parts.slice(from).join('')}`;
}

/** Exactly `width` columns: cut or filled with spaces. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left', keep: 'start' | 'end' = 'start') {
  const short = keep === 'end' ? cutStart(text, width) : cut(text, width);
  const space = ' '.repeat(Math.max(0, width - widthOf(short)));
  return align === 'right' ? space + short : short + space;
}

/** Lines of at most `width` columns, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of harmless(text).split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (widthOf(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (width > 0 && widthOf(line) > width) {
      const first = head(line, width) || line.slice(0, 1);
      lines.push(first);
      line = line.slice(first.length);
    }
  }
  lines.push(line);
  return lines;
}

function head(plain: string, width: number): string {
  if (NARROW.test(plain)) return plain.slice(0, Math.max(0, width));
  let [used, text] = [0, ''];
  for (const character of charactersOf(plain)) {
    const wide = widthOf(character);
    if (used + wide > width) break;
    used += wide;
    text += character;
  }
  return text;
}
