import type { TuiOptions } from './options.ts';
import { TuiSession } from './session.ts';

export type { TuiOptions } from './options.ts';

/**
 * Shows the TUI until `stop`, or until its user leaves where no onQuit says otherwise. The screen is restored on every
 * way out; then `done` resolves, or rejects with what went wrong in a panel or in `snapshot`. React without NODE_ENV is
 * its slow development build, and with DEV set Ink would wait for devtools: set and delete them before this is imported.
 */
export function showTui(options: TuiOptions): { readonly done: Promise<void>; stop(): Promise<void> } {
  const session = new TuiSession(options);
  return { done: session.done, stop: () => session.stop() };
}
