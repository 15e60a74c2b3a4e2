import { loadSettings } from '../config/load.ts';
import { problemError } from '../config/problems.ts';
import { type ColorChoice, wantsColor } from '../output/color.ts';
import type { LogLevel } from '../output/logger.ts';
import type { OutputFormat } from '../output/output.ts';
import { createProgress } from '../output/progress.ts';
import { StreamLogger } from '../output/streamLogger.ts';
import { StreamOutput } from '../output/streamOutput.ts';
import type { Command, CommandContext, ProcessIo } from './command.ts';
import { typeFlags } from './options/flags.ts';
import type { RawFlags } from './program.ts';

/** Everything that a command gets: flags typed, settings resolved, streams wrapped. @throws ANM_USAGE, ANM_CONFIG */
export async function createContext(
  command: Command,
  args: readonly string[],
  raw: RawFlags,
  io: ProcessIo,
  signal: AbortSignal,
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
    signal,
    now: io.now,
    cwd: io.cwd,
    env: io.env,
    progress,
    interactive: io.stdin.isTTY === true && flags['input'] !== false && !io.env['CI'],
    quiet,
    crash: io.crash,
  };
}

function logLevel(level: LogLevel, quiet: boolean): LogLevel {
  return quiet && (level === 'info' || level === 'debug') ? 'warn' : level;
}
