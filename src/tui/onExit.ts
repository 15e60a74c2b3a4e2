import { onExit as onProcessExit } from 'signal-exit';

/**
 * Calls back once when the process ends: by an exit, by an uncaught error before it is reported, or by a signal that
 * nobody else handles, which then ends the process as it would have. Returns what takes the listeners away.
 *
 * Own listeners of signals would not do: Ink has one through an older signal-exit, and two that each wait for the other
 * to be the only one leave a process that no signal ends. This one counts with the older.
 */
export function onExit(callback: () => void): () => void {
  let isDone = false;
  const once = (): void => {
    if (isDone) return;
    isDone = true;
    callback();
  };
  const release = onProcessExit(once);
  // That package puts itself in the place of process.emit, where others put themselves, too: exits are heard directly.
  process.on('exit', once);
  process.on('uncaughtExceptionMonitor', once);
  return () => {
    isDone = true;
    process.off('exit', once);
    process.off('uncaughtExceptionMonitor', once);
    release();
  };
}
