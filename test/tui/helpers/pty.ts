import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import xterm from '@xterm/headless';

/** Why no terminal can be made here, or null where one can: `script` of util-linux makes them. */
export function missingPty(): string | null {
  if (process.platform !== 'linux') return `script -qec is of util-linux, and this is ${process.platform}`;
  const found = spawnSync('script', ['--version'], { encoding: 'utf8' });
  if (found.error !== undefined || !/util-linux/.test(found.stdout)) return 'there is no script of util-linux here';
  return null;
}

const CLI = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url));
const ENTRY = `const { main } = await import(${JSON.stringify(CLI)}); process.exit(await main(process.argv.slice(1)));`;

/** The tool in a pseudo terminal, and what a terminal shows of it. */
export class PtyRun {
  /** Everything that came out. */
  raw = '';
  readonly #child: ChildProcess;
  readonly #terminal: xterm.Terminal;
  readonly #exited: Promise<number>;
  #waiters: { test: () => boolean; resolve: () => void; reject: (error: Error) => void }[] = [];
  /** The writes to the terminal emulator so far, which is asynchronous. */
  #shown: Promise<void> = Promise.resolve();

  constructor(argv: readonly string[], columns: number, rows: number, more: Readonly<Record<string, string>> = {}) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 5000, allowProposedApi: true });
    const words = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', ENTRY, '--', ...argv];
    const command = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const { NO_COLOR: _, FORCE_COLOR: __, NODE_TEST_CONTEXT: ___, ...env } = process.env;
    this.#child = spawn('script', ['-qec', `tty; stty cols ${columns} rows ${rows}; exec ${command}`, '/dev/null'], {
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      env: { ...env, TERM: 'xterm-256color', CI: 'false', XDG_CONFIG_HOME: tmpdir(), SHELL: '/bin/sh', ...more },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // Parts of a character may come apart.
    this.#child.stdout!.setEncoding('utf8');
    this.#child.stdout!.on('data', (text: string) => {
      this.raw += text;
      this.#shown = new Promise((resolve) => this.#terminal.write(text, resolve));
      this.#settle();
    });
    this.#exited = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code) => resolve(code ?? 1));
    });
    void this.#exited.then(() => {
      this.#settle();
      for (const { reject } of this.#waiters) reject(new Error(`it ended before that was seen: ${this.raw}`));
    });
  }

  /** Resolves as soon as the output has this text, from `from` on. */
  async sees(pattern: RegExp, from = 0): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ test: () => pattern.test(this.raw.slice(from)), resolve, reject });
      this.#settle();
    });
  }

  type(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  /** Changes the size as the window of a terminal does; the kernel tells the process. */
  async resize(columns: number, rows: number): Promise<void> {
    const device = /\/dev\/[\w/]+/.exec(this.raw)?.[0] ?? '';
    await this.#shown;
    this.#terminal.resize(columns, rows);
    execFileSync('stty', ['-F', device, 'cols', String(columns), 'rows', String(rows)]);
  }

  /** Exit code. */
  async exit(): Promise<number> {
    const code = await this.#exited;
    this.#child.stdin!.destroy();
    await this.#shown;
    return code;
  }

  /** All lines, those scrolled away included, without the empty ones at the end. */
  lines(): string[] {
    const buffer = this.#terminal.buffer.active;
    const lines = Array.from({ length: buffer.length }, (_, y) => buffer.getLine(y)!.translateToString(true));
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  #settle(): void {
    const ready = this.#waiters.filter(({ test }) => test());
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }
}
