import { type Style, styled } from './color.ts';

export interface ChartPoint {
  /** Epoch milliseconds, ascending. */
  readonly timeMs: number;
  /** One that is not finite is left out. */
  readonly value: number;
}

export interface ChartOptions {
  /** Columns of a line, labels included. */
  readonly width: number;
  /** Rows of the plot. */
  readonly height: number;
  /** Only characters of ASCII. */
  readonly ascii: boolean;
  readonly color: boolean;
  /** Drawn as lines over the whole width; null where there is none. */
  readonly band: { readonly lower: number | null; readonly expected: number | null; readonly upper: number | null };
  /** The point that it is about. */
  readonly mark?: ChartPoint;
  readonly timeText: (timeMs: number) => string;
}

/** Dots of a cell: braille has two by four (Unicode 6.0, block 2800), ASCII one. */
const BRAILLE = { x: 2, y: 4 };
const PLAIN = { x: 1, y: 1 };
const BRAILLE_BITS = [0x01, 0x02, 0x04, 0x40, 0x08, 0x10, 0x20, 0x80];
/** A pause of more than so many usual steps is a gap in the line. */
const GAP_STEPS = 5;
const LEAST_PLOT = 16;
const LARGE = 1e150;

/**
 * Values over time as a line with a band around what was expected, as text without a final newline. asciichart and its
 * like draw a series by index; here time, the band and one marked point matter.
 */
export function renderChart(points: readonly ChartPoint[], options: ChartOptions): string {
  const shown = points.filter(({ value }) => Number.isFinite(value));
  if (shown.length === 0) return 'no values to draw';
  const chart = new Chart(shown, options);
  return chart.text();
}

class Chart {
  readonly #points: readonly ChartPoint[];
  readonly #options: ChartOptions;
  readonly #dots: { readonly x: number; readonly y: number };
  readonly #scale: number;
  readonly #low: number;
  readonly #high: number;
  readonly #fromMs: number;
  readonly #toMs: number;
  readonly #labels: ReadonlyMap<number, string>;
  readonly #labelWidth: number;
  readonly #columns: number;
  readonly #cells: Uint8Array;

  constructor(points: readonly ChartPoint[], options: ChartOptions) {
    const { band, mark, height, width } = options;
    this.#points = points;
    this.#options = options;
    this.#dots = options.ascii ? PLAIN : BRAILLE;
    const levels = [band.lower, band.expected, band.upper, mark?.value ?? null];
    const all = [...points.map(({ value }) => value), ...levels.filter((each) => each !== null)].filter(
      Number.isFinite,
    );
    const [low, high] = [Math.min(...all), Math.max(...all)];
    // Differences of the largest numbers would overflow.
    this.#scale = Math.max(Math.abs(low), Math.abs(high)) > LARGE ? 1 / LARGE : 1;
    const spread = (high * this.#scale - low * this.#scale) * 0.05;
    const pad = spread > 0 ? spread : Math.abs(high * this.#scale) * 0.1 || 1;
    this.#low = low * this.#scale - pad;
    this.#high = high * this.#scale + pad;
    this.#fromMs = points[0]!.timeMs;
    this.#toMs = points.at(-1)!.timeMs;
    this.#labels = this.#labelRows([mark?.value ?? null, band.expected, band.upper, band.lower, high, low]);
    this.#labelWidth = Math.max(0, ...[...this.#labels.values()].map(({ length }) => length));
    this.#columns = Math.max(LEAST_PLOT, width - this.#labelWidth - 2);
    this.#cells = new Uint8Array(this.#columns * height);
    this.#draw();
  }

  text(): string {
    const { height, ascii } = this.#options;
    const lines: string[] = [];
    for (let row = 0; row < height; row++) {
      const label = this.#labels.get(row);
      const tick = ascii ? (label === undefined ? '|' : '+') : label === undefined ? '│' : '┤';
      const cells = Array.from({ length: this.#columns }, (_, column) => this.#cell(row, column));
      lines.push(`${(label ?? '').padStart(this.#labelWidth)} ${tick}${cells.join('')}`.trimEnd());
    }
    const axis = ascii ? `+${'-'.repeat(this.#columns)}` : `└${'─'.repeat(this.#columns)}`;
    lines.push(`${' '.repeat(this.#labelWidth + 1)}${axis}`, this.#times(), this.#legend());
    return lines.filter((line) => line !== '').join('\n');
  }

  #cell(row: number, column: number): string {
    const { ascii, band, mark, color } = this.#options;
    if (mark !== undefined && this.#rowOf(mark.value) === row && this.#columnOf(mark.timeMs) === column) {
      return styled(color, 'red', ascii ? '!' : '●');
    }
    const bits = this.#cells[row * this.#columns + column]!;
    if (bits !== 0) return ascii ? '*' : String.fromCharCode(0x2800 + bits);
    const is = (level: number | null) => level !== null && this.#rowOf(level) === row;
    if (is(band.expected)) return styled(color, 'cyan', ascii ? '-' : '─');
    return is(band.lower) || is(band.upper) ? styled(color, 'cyan', ascii ? '.' : '┄') : ' ';
  }

  #draw(): void {
    const steps = this.#points.slice(1).map(({ timeMs }, i) => timeMs - this.#points[i]!.timeMs);
    const usual = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
    this.#points.forEach((point, i) => {
      const [x, y] = this.#dotOf(point);
      this.#set(x, y);
      const before = this.#points[i - 1];
      if (before === undefined || point.timeMs - before.timeMs > GAP_STEPS * usual) return;
      this.#line(...this.#dotOf(before), x, y);
    });
  }

  /** Bresenham, 1965. */
  #line(x0: number, y0: number, x1: number, y1: number): void {
    const [dx, dy] = [Math.abs(x1 - x0), -Math.abs(y1 - y0)];
    const [stepX, stepY] = [x0 < x1 ? 1 : -1, y0 < y1 ? 1 : -1];
    let error = dx + dy;
    for (let [x, y] = [x0, y0]; x !== x1 || y !== y1; ) {
      this.#set(x, y);
      const twice = 2 * error;
      if (twice >= dy) {
        error += dy;
        x += stepX;
      }
      if (twice <= dx) {
        error += dx;
        y += stepY;
      }
    }
  }

  #set(x: number, y: number): void {
    const { x: wide, y: tall } = this.#dots;
    const cell = Math.floor(y / tall) * this.#columns + Math.floor(x / wide);
    this.#cells[cell] = this.#cells[cell]! | BRAILLE_BITS[(x % wide) * 4 + (y % tall)]!;
  }

  #dotOf({ timeMs, value }: ChartPoint): [x: number, y: number] {
    const { x: wide, y: tall } = this.#dots;
    const across = this.#toMs > this.#fromMs ? (timeMs - this.#fromMs) / (this.#toMs - this.#fromMs) : 0.5;
    const dot = (part: number, count: number) => Math.max(0, Math.min(count - 1, Math.round(part * (count - 1))));
    return [dot(across, this.#columns * wide), dot(this.#downOf(value), this.#options.height * tall)];
  }

  /** 0 at the top, 1 at the bottom. */
  #downOf(value: number): number {
    const down = (this.#high - value * this.#scale) / (this.#high - this.#low);
    // Numbers too small to differ.
    return Number.isNaN(down) ? 0.5 : down;
  }

  #rowOf(value: number): number {
    const tall = this.#dots.y;
    const down = this.#downOf(value);
    const dots = this.#options.height * tall;
    return Math.floor(Math.max(0, Math.min(dots - 1, Math.round(down * (dots - 1)))) / tall);
  }

  #columnOf(timeMs: number): number {
    return Math.floor(this.#dotOf({ timeMs, value: 0 })[0] / this.#dots.x);
  }

  /** Rows with the numbers that stand beside them; of two on one row the first. */
  #labelRows(levels: readonly (number | null)[]): Map<number, string> {
    const labels = new Map<number, string>();
    for (const level of levels) {
      if (level === null || !Number.isFinite(level)) continue;
      const row = this.#rowOf(level);
      if (!labels.has(row)) labels.set(row, String(Number(level.toPrecision(5))));
    }
    return labels;
  }

  /** Begin, mark and end, as far as they have room. */
  #times(): string {
    const { mark, timeText } = this.#options;
    const [first, last] = [timeText(this.#fromMs), timeText(this.#toMs)];
    const line = Array.from({ length: this.#columns }, () => ' ');
    const put = (text: string, at: number): void => {
      const begin = Math.max(0, Math.min(this.#columns - text.length, at));
      const [from, to] = [Math.max(0, begin - 1), begin + text.length + 1];
      if (text.length > this.#columns || line.slice(from, to).some((each) => each !== ' ')) return;
      for (let i = 0; i < text.length; i++) line[begin + i] = text[i]!;
    };
    if (mark !== undefined) {
      const text = timeText(mark.timeMs);
      put(text, this.#columnOf(mark.timeMs) - Math.floor(text.length / 2));
    }
    put(first, 0);
    put(last, this.#columns);
    return `${' '.repeat(this.#labelWidth + 2)}${line.join('')}`.trimEnd();
  }

  #legend(): string {
    const { mark, band, ascii, color } = this.#options;
    const sign = (style: Style, symbol: string, text: string) => `${styled(color, style, symbol)} ${text}`;
    const parts = [
      mark === undefined ? '' : sign('red', ascii ? '!' : '●', 'the alert'),
      band.expected === null ? '' : sign('cyan', ascii ? '-' : '─', 'expected then'),
      band.lower === null && band.upper === null ? '' : sign('cyan', ascii ? '.' : '┄', 'band then'),
    ].filter((part) => part !== '');
    return parts.length === 0 ? '' : `${' '.repeat(this.#labelWidth + 2)}${parts.join('   ')}`;
  }
}
