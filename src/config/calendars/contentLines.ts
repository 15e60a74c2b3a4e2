/** One content line of an iCalendar file (RFC 5545, 3.1), unfolded. */
export interface ContentLine {
  /** Of the file, from 1. */
  readonly line: number;
  /** In capitals. */
  readonly name: string;
  /** By name in capitals, without quotes. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly value: string;
}

/** What is wrong with an iCalendar file, and where. */
export class CalendarProblem extends Error {
  readonly line: number;
  /** DTSTART, or a component such as VEVENT. */
  readonly property: string;

  /** @param message reads on after the property */
  constructor({ line, name }: Pick<ContentLine, 'line' | 'name'>, message: string) {
    super(message);
    this.line = line;
    this.property = name;
  }
}

const LINE = /^([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:]*)(?:,"[^"]*")*)*):(.*)$/s;
const PARAMETER = /;([A-Za-z0-9-]+)=("[^"]*"|[^;]*)/g;

/** @throws CalendarProblem */
export function contentLines(text: string): ContentLine[] {
  const lines: ContentLine[] = [];
  const raw = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  for (let i = 0; i < raw.length; ) {
    const line = i + 1;
    let whole = raw[i++]!;
    while (i < raw.length && /^[ \t]/.test(raw[i]!)) whole += raw[i++]!.slice(1);
    if (whole.trim() === '') continue;
    const match = LINE.exec(whole);
    if (match === null) {
      const shown = whole.length > 40 ? `${whole.slice(0, 37)}...` : whole;
      throw new CalendarProblem({ line, name: shown }, 'is no line of an iCalendar file, as NAME:value is');
    }
    const parameters = new Map<string, string>();
    for (const [, name, value] of match[2]!.matchAll(PARAMETER)) {
      parameters.set(name!.toUpperCase(), value!.replace(/^"(.*)"$/, '$1'));
    }
    lines.push({ line, name: match[1]!.toUpperCase(), parameters, value: match[3]!.trim() });
  }
  return lines;
}
