import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import xterm from '@xterm/headless';

/** Why no terminal can be made here, or null where one can: `script` of util-linux makes them. */
export function missingPty(): string | null {
  if (process.platform !== 'linux') return `script -qec is of util-linux, and this is ${process.platform}`;
  const found = spawnSync('script', ['--version'], { encoding: 'utf8' });
  if (found.error !== undefined || !/util-linux/.test(found.stdout)) return 'there is no script of util-linux here';
  return null;
}

/** Skips with the reason where no terminal can be made, unless the environment says that there must be one. */
export function needsPty(context: TestContext): boolean {
  const reason = missingPty();
  if (reason === null) return true;
  assert.notEqual(process.env['ANOMALY_REQUIRE_PTY'], '1', reason);
  context.skip(reason);
  return false;
}

const CLI = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url));
const ENTRY = `const { main } = await import(${JSON.stringify(CLI)}); process.exit(await main(process.argv.slice(1)));`;
const MODES = 'MODES AT THE END';

/**
 * What runs in the terminal: `cli` the tool with these arguments, `file` a program for Node, `command` any words, `job` a
 * program for Node as a job of a shell, which says STOPPED and waits for Enter before it goes on with it.
 */
export type PtyKind = 'cli' | 'file' | 'command' | 'job';

/** A program in a pseudo terminal, and what a terminal shows of it. */
export class PtyRun {
  /** Everything that came out. */
  raw = '';
  readonly #child: ChildProcess;
  readonly #terminal: xterm.Terminal;
  readonly #exited: Promise<number>;
  #waiters: { test: () => boolean; resolve: () => void; reject: (error: Error) => void }[] = [];
  /** The writes to the terminal emulator so far, which is asynchronous. */
  #shown: Promise<void> = Promise.resolve();

  constructor(
    argv: readonly string[],
    columns: number,
    rows: number,
    more: Readonly<Record<string, string>> = {},
    kind: PtyKind = 'cli',
  ) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 5000, allowProposedApi: true });
    const { NO_COLOR: _, FORCE_COLOR: __, NODE_TEST_CONTEXT: ___, ...env } = process.env;
    const setUp = `tty; stty cols ${columns} rows ${rows}`;
    this.#child = spawn('script', ['-qec', `${setUp}; ${shellText(argv, kind)}`, '/dev/null'], {
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      env: { ...env, TERM: 'xterm-256color', CI: 'false', XDG_CONFIG_HOME: tmpdir(), SHELL: '/bin/bash', ...more },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // Parts of a character may come apart.
    this.#child.stdout!.setEncoding('utf8');
    this.#child.stdout!.on('data', (text: string) => {
      this.raw += text;
      this.#shown = new Promise((resolve) => {
        this.#terminal.write(text, () => {
          resolve();
          this.#settle();
        });
      });
      this.#settle();
    });
    this.#exited = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code) => resolve(code ?? 1));
    });
    void this.#exited.then(async () => {
      await this.#shown;
      this.#settle();
      for (const { reject } of this.#waiters) reject(new Error(`it ended before that was seen: ${this.raw}`));
    });
  }

  /** Resolves as soon as this holds, which is tried whenever something came out or is on the screen. */
  async until(test: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ test, resolve, reject });
      this.#settle();
    });
  }

  /** Resolves as soon as the output has this text, from `from` on. */
  async sees(pattern: RegExp, from = 0): Promise<void> {
    await this.until(() => pattern.test(this.raw.slice(from)));
  }

  /** Resolves as soon as the screen, as it is then, has this text. */
  async shows(pattern: RegExp): Promise<void> {
    await this.until(() => pattern.test(this.screen().join('\n').trimEnd()));
  }

  type(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  /** Changes the size as the window of a terminal does; the kernel tells the process. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#shown;
    this.#terminal.resize(columns, rows);
    execFileSync('stty', ['-F', this.#device(), 'cols', String(columns), 'rows', String(rows)]);
  }

  /** Exit code. */
  async exit(): Promise<number> {
    const code = await this.#exited;
    this.#child.stdin!.destroy();
    await this.#shown;
    return code;
  }

  /** The modes of the terminal as stty prints them: now, or as they were when the program had ended. */
  modes(): string {
    const atEnd = this.raw.lastIndexOf(MODES);
    if (atEnd >= 0) return this.raw.slice(atEnd).replaceAll(/\s+/g, ' ');
    return execFileSync('stty', ['-F', this.#device(), '-a'], { encoding: 'utf8' }).replaceAll(/\s+/g, ' ');
  }

  /** Of the program in the terminal, which is the process that the shell became or the child that it waits for. */
  pid(): number {
    const found = /PID (\d+)/.exec(this.raw)?.[1];
    assert.ok(found !== undefined, 'the shell tells the pid');
    return Number(found);
  }

  /** The rows that are seen now. */
  screen(): string[] {
    const buffer = this.#terminal.buffer.active;
    return Array.from({ length: this.#terminal.rows }, (_, y) =>
      (buffer.getLine(buffer.baseY + y)?.translateToString(true) ?? '').trimEnd(),
    );
  }

  /** All lines, those scrolled away included, without the empty ones at the end. */
  lines(): string[] {
    const buffer = this.#terminal.buffer.active;
    const lines = Array.from({ length: buffer.length }, (_, y) => buffer.getLine(y)!.translateToString(true));
    const end = lines.findIndex((line) => line.startsWith(MODES));
    if (end >= 0) lines.splice(end);
    while (lines.at(-1) === '') lines.pop();
    return lines.filter((line) => !/^PID \d+$/.test(line));
  }

  #device(): string {
    return /\/dev\/[\w/]+/.exec(this.raw)?.[0] ?? '';
  }

  #settle(): void {
    const ready = this.#waiters.filter(({ test }) => test());
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }
}

function shellText(argv: readonly string[], kind: PtyKind): string {
  const quoted = (words: readonly string[]) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const node = [process.execPath, '--import', 'tsx'];
  if (kind === 'cli') return `exec ${quoted([...node, '--input-type=module', '-e', ENTRY, '--', ...argv])}`;
  const command = quoted(kind === 'command' ? argv : [...node, ...argv]);
  const end = `code=$?; echo '${MODES}'; stty -a; exit $code`;
  // exec, so that the pid that is told is the program's, and its death is seen as that of a signal.
  if (kind !== 'job') return `sh -c ${quoted([`echo PID $$; exec ${command}`])}; ${end}`;
  return `set -m; ${command}; echo STOPPED; read -r _; fg %1 >/dev/null; ${end}`;
}
