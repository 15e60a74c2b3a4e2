import { styled } from './color.ts';
import { formatNumber } from './format.ts';
import { pictured, picturedUnlessStyle } from './harmless.ts';
import type { Column } from './output.ts';

/** Aligned columns two spaces apart, headers in capitals, `-` for what is null, no trailing spaces. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: { readonly wide: boolean; readonly color: boolean },
): string {
  const shown = columns.filter((column) => options.wide || column.wide !== true);
  const cells = rows.map((row) => shown.map((column) => cellText(column.value(row), options.color)));
  const widths = shown.map((column, i) =>
    cells.reduce((width, row) => Math.max(width, textWidth(row[i]!)), textWidth(column.header)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => {
        const space = ' '.repeat(widths[i]! - textWidth(text));
        return shown[i]!.align === 'right' ? space + text : text + space;
      })
      .join('  ')
      .trimEnd();
  const header = styled(options.color, 'bold', line(shown.map((column) => column.header.toUpperCase())));
  return [header, ...cells.map(line)].join('\n');
}

function cellText(value: string | number | boolean | null | undefined, color: boolean): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'number') return formatNumber(value);
  return color ? picturedUnlessStyle(String(value)) : pictured(String(value));
}

const ESCAPES = /\u001b\[[0-9;]*m/g;

/** Columns that a text takes in a terminal: escapes take none, East Asian wide characters take two. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text.replace(ESCAPES, '')) {
    const code = character.codePointAt(0)!;
    if (isCombining(code)) continue;
    width += isWide(code) ? 2 : 1;
  }
  return width;
}

function isCombining(code: number): boolean {
  return (code >= 0x300 && code <= 0x36f) || code === 0x200b || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f);
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff)
  );
}
