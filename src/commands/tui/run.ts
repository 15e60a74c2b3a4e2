import { AnomalyError } from '../../errors.ts';
import type { Watcher } from '../../runtime/watch/watcher.ts';
import type { CommandContext } from '../command.ts';
import { stoppedCode } from '../lifecycle.ts';
import { pause } from '../timers.ts';
import { openScreenLog } from './log.ts';
import { openScreen } from './screen.ts';
import { intervalMs, noScreenReason } from './terms.ts';
import { makeWatcher } from './watcher.ts';

const SCREEN_MS = 250;
const LINES_MS = 5000;
const JSON_MS = 1000;
/** Lag is asked for at most this often, whatever the screen's pace: it asks all groups. */
const LEAST_LAG_MS = 1000;

/** `tui`: a screen where there is a terminal, else lines or JSON. */
export async function runTui(context: CommandContext): Promise<number> {
  const reason = await noScreenReason(context);
  if (reason === null) return await onScreen(context);
  return await inLines(context, reason);
}

async function onScreen(context: CommandContext): Promise<number> {
  const { signal, stderr, flags } = context;
  if (flags['num'] !== undefined) {
    throw new AnomalyError('ANM_USAGE', '--num counts lines, and this is a screen', {
      hint: 'add --accessible or -o json',
    });
  }
  const log = openScreenLog(context);
  const everyMs = intervalMs(flags, SCREEN_MS);
  const inner = { ...context, logger: log.logger };
  const watcher = watcherOf(inner, everyMs, log.lines);
  const screen = await openScreen(inner, watcher, { intervalMs: everyMs });
  const onSignal = (): void => void screen.stop();
  if (signal.aborted) onSignal();
  else signal.addEventListener('abort', onSignal, { once: true });
  // The first frame is out before anything else is loaded.
  setImmediate(() => watcher.start());
  try {
    await screen.done;
    return signal.aborted ? stoppedCode(signal) : 0;
  } catch (error) {
    if (log.path !== null) stderr.write(`the log of the screen is ${log.path}\n`);
    throw error;
  } finally {
    signal.removeEventListener('abort', onSignal);
    await watcher.close();
    await log.close();
  }
}

/** Until the signal, or as many looks as --num says. @throws what keeps the cluster from answering at the start */
async function inLines(context: CommandContext, reason: string): Promise<number> {
  const { flags, output, signal, quiet, stderr } = context;
  const isText = output.format === 'text' || output.format === 'wide';
  const most = (flags['num'] as number | undefined) ?? Number.POSITIVE_INFINITY;
  if (most < 1) throw new AnomalyError('ANM_USAGE', `--num wants at least 1, got ${most}`);
  const everyMs = intervalMs(flags, isText ? LINES_MS : JSON_MS);
  const watcher = watcherOf(context, everyMs, () => []);
  watcher.start();
  try {
    await until(watcher.ready(), signal);
    if (isText && !quiet) stderr.write(`a summary in words every ${everyMs / 1000} s, as ${reason}\n`);
    const { plainLines } = await import('../../tui/plainMode.ts');
    for (let looks = 0; !signal.aborted; looks++) {
      if (looks === most) return 0;
      if (looks > 0) await pause(everyMs, signal);
      if (signal.aborted) break;
      const snapshot = watcher.snapshot();
      await output.line({ schemaVersion: 1, ...snapshot }, () => plainLines(snapshot).join('\n'));
      if (looks + 1 === most) return 0;
    }
    return stoppedCode(signal);
  } finally {
    await watcher.close();
  }
}

function watcherOf(context: CommandContext, everyMs: number, log: Parameters<typeof makeWatcher>[1]['log']): Watcher {
  return makeWatcher(context, {
    pipeline: context.args[0] ?? null,
    group: (context.flags['group'] as string | undefined) ?? null,
    lagEveryMs: Math.max(LEAST_LAG_MS, everyMs),
    log,
  });
}

/** Ends early with the signal. */
async function until(ready: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let onSignal = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    onSignal = resolve;
    signal.addEventListener('abort', onSignal, { once: true });
  });
  await Promise.race([ready, stopped]);
  signal.removeEventListener('abort', onSignal);
}
