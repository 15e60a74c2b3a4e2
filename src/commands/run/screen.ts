import type { MemberStatus } from '../../observe/status.ts';
import type { Progress } from '../../output/progress.ts';
import type { CommandContext } from '../command.ts';
import { openScreenLog } from '../tui/log.ts';
import { openScreen } from '../tui/screen.ts';
import { noScreenReason } from '../tui/terms.ts';
import { makeWatcher } from '../tui/watcher.ts';
import { NO_VIEW, type RunView } from './view.ts';

const SCREEN_MS = 250;
/** Half as often as `tui` does: it is asked for in the process that is watched. */
const LAG_MS = 2000;

/**
 * Runs with the screen of `tui` before it, which asks the members of this process directly. Diagnostics go to the log
 * panel and the log file meanwhile. Where there is no terminal the run goes on without a screen, and says why.
 */
export async function withScreen(
  context: CommandContext,
  run: (context: CommandContext, view: RunView) => Promise<number>,
): Promise<number> {
  const reason = await noScreenReason(context);
  if (reason !== null) {
    context.logger.warn(`runs without --tui as ${reason}`);
    return await run(context, NO_VIEW);
  }
  const log = openScreenLog(context);
  const inner: CommandContext = { ...context, logger: log.logger, progress: NO_PROGRESS };
  let statuses: () => readonly MemberStatus[] = () => [];
  const watcher = makeWatcher(inner, {
    pipeline: null,
    group: null,
    lagEveryMs: LAG_MS,
    local: () => statuses(),
    log: log.lines,
  });
  // Raw mode takes the signals' keys: they go the way that they have in a shell. The first drains, the second cuts.
  const onLeave = (): void => void process.emit('SIGINT', 'SIGINT');
  const screen = await openScreen(inner, watcher, { intervalMs: SCREEN_MS, onLeave });
  // A screen that cannot go on is no reason for the pipeline not to.
  screen.done.catch((error: Error) => log.logger.error(`the screen ended: ${error.message}`));
  watcher.start();
  const close = async (): Promise<void> => {
    await screen.stop();
    await watcher.close();
    await log.close();
  };
  try {
    return await run(inner, {
      began: (members) => {
        statuses = () => members.statuses();
      },
      over: close,
    });
  } catch (error) {
    await close();
    if (log.path !== null) context.stderr.write(`the log of the run is ${log.path}\n`);
    throw error;
  } finally {
    await close();
  }
}

/** The screen shows it. */
const NO_PROGRESS: Progress = { update: () => {}, end: () => {}, clear: () => {} };
