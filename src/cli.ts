import type { Readable, Writable } from 'node:stream';
import type { Command, CommandContext } from './commands/command.ts';
import { typeFlags } from './commands/flags.ts';
import { shortHelp } from './commands/helpText.ts';
import { type Lifecycle, type SignalSource, watchProcess } from './commands/lifecycle.ts';
import { parseArguments, type RawFlags } from './commands/program.ts';
import { commands } from './commands/registry.ts';
import { loadSettings } from './config/load.ts';
import { problemError } from './config/problems.ts';
import { type ColorChoice, wantsColor } from './output/color.ts';
import { renderError, renderErrorJson, reportOf } from './output/errorReport.ts';
import type { LogLevel } from './output/logger.ts';
import type { OutputFormat } from './output/output.ts';
import { createProgress } from './output/progress.ts';
import { StreamLogger } from './output/streamLogger.ts';
import { StreamOutput } from './output/streamOutput.ts';

/** What a process gives to a command; tests give their own. */
export interface ProcessIo {
  readonly stdin: Readable & { isTTY?: boolean };
  readonly stdout: Writable & { isTTY?: boolean; columns?: number };
  readonly stderr: Writable & { isTTY?: boolean; columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly signals: SignalSource;
}

/** Runs one command line; the result is the exit code. Never throws and never exits. */
export async function main(argv: readonly string[], io: ProcessIo = processIo()): Promise<number> {
  const lifecycle = watchProcess(io.signals, io.stdout, (text) => io.stderr.write(`${text}\n`));
  try {
    return await Promise.race([runLine(argv, io, lifecycle), lifecycle.cut]);
  } catch (error) {
    const code = lifecycle.signalCode();
    // A wait that the signal cut short is no failure to report.
    if (code !== undefined && isAbort(error)) return code;
    return reportError(error, argv, io);
  } finally {
    lifecycle.dispose();
  }
}

async function runLine(argv: readonly string[], io: ProcessIo, lifecycle: Lifecycle): Promise<number> {
  const globals = argv.filter((word) => word.startsWith('-'));
  if (argv.length === 0) return print(io, shortHelp());
  if (globals.length === argv.length && argv.includes('--version')) return print(io, await versionText());
  if (listsKeys(argv)) return print(io, (await import('./commands/keyList.ts')).keyList());
  const request = parseArguments(commands, argv);
  if (request.kind === 'print') return print(io, request.text);
  const { command, args, raw } = request;
  if (raw['version'] === true) return print(io, await versionText());
  return command.run(await createContext(command, args, raw, io, lifecycle));
}

async function createContext(
  command: Command,
  args: readonly string[],
  raw: RawFlags,
  io: ProcessIo,
  lifecycle: Lifecycle,
): Promise<CommandContext> {
  const parsed = typeFlags(command, args, raw);
  const { flags } = parsed;
  const settings = await loadSettings({
    flags: parsed.settings,
    extras: (flags['set'] as string[] | undefined) ?? [],
    env: io.env,
    cwd: io.cwd,
    config: parsed.config,
    profile: flags['profile'] as string | undefined,
    ignoreProfile: flags['ignoreProfile'] === true,
  });
  if (settings.problems.length > 0 && command.takesBrokenSettings !== true) throw problemError(settings.problems);
  const colorChoice = (flags['color'] as ColorChoice | undefined) ?? 'auto';
  const quiet = flags['quiet'] === true;
  const errorColor = wantsColor(colorChoice, io.env, io.stderr.isTTY === true);
  const live = io.stderr.isTTY === true && io.env['TERM'] !== 'dumb';
  const progress = createProgress({ stream: io.stderr, quiet, live, now: io.now });
  const logger = new StreamLogger({
    stream: io.stderr,
    level: flags['debug'] === true ? 'debug' : logLevel(settings.string('log.level') as LogLevel, quiet),
    format: settings.string('log.format') as 'text' | 'json',
    color: errorColor,
    now: io.now,
    beforeLine: progress.clear,
  });
  const format = (flags['output'] as OutputFormat | undefined) ?? 'text';
  return {
    args,
    flags,
    settings,
    stdin: io.stdin,
    stdout: io.stdout,
    stderr: io.stderr,
    output: new StreamOutput(io.stdout, format, wantsColor(colorChoice, io.env, io.stdout.isTTY === true)),
    logger,
    signal: lifecycle.signal,
    now: io.now,
    cwd: io.cwd,
    env: io.env,
    progress,
    interactive: io.stdin.isTTY === true && flags['input'] !== false && !io.env['CI'],
    quiet,
  };
}

function logLevel(level: LogLevel, quiet: boolean): LogLevel {
  return quiet && (level === 'info' || level === 'debug') ? 'warn' : level;
}

/** The words are looked at once more here, since the error may be that they cannot be parsed. */
function reportError(error: unknown, argv: readonly string[], io: ProcessIo): number {
  const report = reportOf(error);
  const debug = argv.includes('--debug') || Boolean(io.env['ANOMALY_DEBUG']);
  if (/^(json|ndjson|yaml)$/.test(lastValue(argv, '-o', '--output') ?? '')) {
    io.stderr.write(renderErrorJson(report, debug));
  } else {
    const choice = lastValue(argv, '--color', '--color');
    const color = wantsColor(
      choice === 'always' || choice === 'never' ? choice : 'auto',
      io.env,
      io.stderr.isTTY === true,
    );
    io.stderr.write(renderError(report, { color, debug }));
  }
  return report.exitCode;
}

/** '-o json', '-ojson', '--output json' and '--output=json'. */
function lastValue(argv: readonly string[], short: string, long: string): string | undefined {
  let value: string | undefined;
  argv.forEach((word, index) => {
    if (word === short || word === long) value = argv[index + 1];
    else if (word.startsWith(`${long}=`)) value = word.slice(long.length + 1);
    else if (!short.startsWith('--') && word.startsWith(short) && !word.startsWith('--'))
      value = word.slice(short.length);
  });
  return value;
}

function listsKeys(argv: readonly string[]): boolean {
  return argv.some((word, index) => word === '-X' && (argv[index + 1] === 'list' || argv[index + 1] === 'help'));
}

async function versionText(): Promise<string> {
  const [{ toolVersion }, { runtimeInfo }] = await Promise.all([
    import('./platform/version.ts'),
    import('./platform/runtime.ts'),
  ]);
  const runtime = runtimeInfo();
  return `anomaly ${toolVersion()} (${runtime.name} ${runtime.version})\n`;
}

function print(io: ProcessIo, text: string): Promise<number> {
  return new Promise((resolve) => io.stdout.write(text, () => resolve(0)));
}

function isAbort(error: unknown): boolean {
  if (!(error instanceof Error)) return typeof error === 'string';
  return error.name === 'AbortError' || (error as { code?: string }).code === 'ABORT_ERR';
}

function processIo(): ProcessIo {
  return {
    // Making the stream has a cost, which only commands pay.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    now: Date.now,
    signals: process,
  };
}
