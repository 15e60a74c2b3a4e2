import type { ProcessIo } from './commands/command.ts';
import { helpFor, shortHelp } from './commands/helpText.ts';
import { watchProcess } from './commands/lifecycle.ts';
import { commands } from './commands/registry.ts';
import { wantsColor } from './output/color.ts';
import { renderError, renderErrorJson, reportOf } from './output/errorReport.ts';

/**
 * Runs one command line; the result is the exit code. Never throws and never exits: `crash`, which does, comes from
 * whoever may.
 */
export async function main(argv: readonly string[], io?: ProcessIo, crash?: () => void): Promise<number> {
  return await mainOf(argv, io ?? processIo(crash));
}

async function mainOf(argv: readonly string[], io: ProcessIo): Promise<number> {
  const lifecycle = watchProcess(io.signals, io);
  try {
    return await Promise.race([runLine(argv, io, lifecycle.signal), lifecycle.cut]);
  } catch (error) {
    const code = lifecycle.signalCode();
    // A wait that the signal cut short is no failure to report.
    if (code !== undefined && isAbort(error)) return code;
    return reportError(error, argv, io);
  } finally {
    lifecycle.dispose();
  }
}

async function runLine(argv: readonly string[], io: ProcessIo, signal: AbortSignal): Promise<number> {
  const globals = argv.filter((word) => word.startsWith('-'));
  if (argv.length === 0) return print(io, shortHelp());
  if (globals.length === argv.length && argv.includes('--version')) return print(io, await versionText());
  if (argv[0] === '__complete')
    return await (await import('./commands/completion/complete.ts')).complete(argv.slice(1), io);
  if (argv[0] === '--help-autocomplete') return print(io, (await import('./commands/rpkPlugin.ts')).rpkHelps(commands));
  if (listsKeys(argv)) return print(io, (await import('./commands/options/keyList.ts')).keyList());
  const help = plainHelp(argv);
  if (help !== undefined) return print(io, help);
  // Help needs none of this, and shows sooner without it.
  const [{ parseArguments }, { createContext }] = await Promise.all([
    import('./commands/program.ts'),
    import('./commands/context.ts'),
  ]);
  const request = parseArguments(commands, argv);
  if (request.kind === 'print') return print(io, request.text);
  const { command, args, raw } = request;
  if (raw['version'] === true) return print(io, await versionText());
  return await command.run(await createContext(command, args, raw, io, signal));
}

/** Help of `--help` and `<command> --help`, the two common forms; any other line goes through the parser. */
function plainHelp(argv: readonly string[]): string | undefined {
  const last = argv.at(-1);
  const words = argv.slice(0, -1);
  if ((last !== '--help' && last !== '-h') || words.some((word) => word.startsWith('-'))) return undefined;
  return helpFor(words.join(' '), commands);
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

function processIo(crash: (() => void) | undefined): ProcessIo {
  return {
    ...(crash === undefined ? {} : { crash }),
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
