// Records `anomaly demo` in a pseudo terminal: docs/demo.cast (asciicast v2, for asciinema) and docs/demo.svg, the screen at
// its end, which is made from the recording. The seed is fixed, so what is found is the same each time; figures are of the machine.
// usage: npm run build && npm run recording
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import xterm from '@xterm/headless';

const COLUMNS = 100;
const ROWS = 34;
/** Output that comes closer together is one event: the eye sees no more. */
const STEP_S = 0.1;
export const CAST = fileURLToPath(new URL('../docs/demo.cast', import.meta.url));
export const SVG = fileURLToPath(new URL('../docs/demo.svg', import.meta.url));

/** An event of asciicast v2: seconds since the start, `o` for output, the text. */
type CastEvent = readonly [seconds: number, kind: 'o', text: string];

/** Runs a command line of the shell in a terminal of `script` (util-linux), and returns what came out, with its times. */
function record(command: string): Promise<CastEvent[]> {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const child = spawn('script', ['-qec', `stty cols ${COLUMNS} rows ${ROWS}; exec ${command}`, '/dev/null'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...env, TERM: 'xterm-256color', CI: 'false', LANG: 'C.UTF-8', XDG_CONFIG_HOME: tmpdir(), SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const started = performance.now();
  const events: [number, 'o', string][] = [];
  // Parts of a character may come apart.
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    const seconds = Math.round((performance.now() - started) / 10) / 100;
    const last = events.at(-1);
    if (last !== undefined && seconds - last[0] < STEP_S) last[2] += text;
    else events.push([seconds, 'o', text]);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(events) : reject(new Error(`${command} ended with ${code}`))));
  });
}

export function castText(events: readonly CastEvent[], title: string): string {
  const header = { version: 2, width: COLUMNS, height: ROWS, title, env: { TERM: 'xterm-256color' } };
  return `${[header, ...events].map((line) => JSON.stringify(line)).join('\n')}\n`;
}

export interface Cast {
  readonly header: {
    readonly version: number;
    readonly width: number;
    readonly height: number;
    readonly title: string;
  };
  readonly events: readonly CastEvent[];
}

export function readCast(text: string): Cast {
  const [header, ...events] = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  return { header: header as Cast['header'], events: events as CastEvent[] };
}

interface Span {
  text: string;
  readonly color: string;
  readonly isBold: boolean;
}

/** The last rows that a terminal shows of a recording, in spans of one style. */
export async function lastScreen({ header, events }: Cast): Promise<Span[][]> {
  const terminal = new xterm.Terminal({ cols: header.width, rows: header.height, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(events.map(([, , text]) => text).join(''), resolve));
  const { active } = terminal.buffer;
  const rows: Span[][] = [];
  for (let y = active.viewportY; y < active.viewportY + header.height; y++) {
    const line = active.getLine(y);
    const spans: Span[] = [];
    for (let x = 0; line !== undefined && x < header.width; x++) {
      const cell = line.getCell(x)!;
      const isBold = cell.isBold() !== 0;
      const color = cell.isDim() !== 0 ? DIM : (COLORS[cell.isFgPalette() ? cell.getFgColor() : -1] ?? PLAIN);
      const last = spans.at(-1);
      const text = cell.getChars() || ' ';
      if (last !== undefined && last.color === color && last.isBold === isBold) last.text += text;
      else spans.push({ text, color, isBold });
    }
    rows.push(spans);
  }
  while (rows.length > 0 && rows.at(-1)!.every(({ text }) => text.trim() === '')) rows.pop();
  terminal.dispose();
  return rows;
}

const PLAIN = '#d0d0d0';
const DIM = '#808080';
const BACKGROUND = '#16181d';
/** The colours of the palette that the tool uses. */
const COLORS: Readonly<Record<number, string>> = { 1: '#ff6b68', 2: '#7ec77b', 3: '#e5c07b', 6: '#56b6c2' };
const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 18;
const MARGIN = 14;

export async function svgOf(cast: Cast): Promise<string> {
  const rows = await lastScreen(cast);
  const width = Math.ceil(cast.header.width * CELL_WIDTH + 2 * MARGIN);
  const height = rows.length * CELL_HEIGHT + 2 * MARGIN;
  const lines = rows.map((spans, y) => {
    const text = spans.map(
      ({ text: part, color, isBold }) =>
        `<tspan fill="${color}"${isBold ? ' font-weight="bold"' : ''}>${part.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</tspan>`,
    );
    return `<text x="${MARGIN}" y="${MARGIN + (y + 1) * CELL_HEIGHT - 5}" xml:space="preserve">${text.join('')}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">`,
    `<title>${cast.header.title}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    ...lines,
    '</svg>\n',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const events = await record(`'${process.execPath}' bin/anomaly.js demo --seed 1`);
  writeFileSync(CAST, castText(events, 'anomaly demo'));
  writeFileSync(SVG, await svgOf(readCast(readFileSync(CAST, 'utf8'))));
}
