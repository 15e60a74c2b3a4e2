import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PanelId } from '../../observe/watch/panelIds.ts';
import type { TuiActions } from '../../observe/watch/snapshot.ts';
import type { Watcher } from '../../runtime/watch/watcher.ts';
import type { CommandContext } from '../command.ts';
import { prepareInk } from './inkEnvironment.ts';
import { hasUnicode } from './terms.ts';

export interface ScreenChoice {
  readonly intervalMs: number;
  /** The user asks to leave. The screen stays until `stop`; without it the screen ends by itself. */
  readonly onLeave?: () => void;
}

export interface Screen {
  /** Settles when the screen is gone; rejects where it could not go on. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/** Shows what the watcher knows. Nothing is waited for: the first frame says that the cluster is being connected to. */
export async function openScreen(context: CommandContext, watcher: Watcher, choice: ScreenChoice): Promise<Screen> {
  const { output, stdout, stderr, stdin, flags, env, cwd, now } = context;
  prepareInk(output.color);
  const { showTui } = await import('../../tui/app.tsx');
  const { onLeave } = choice;
  return showTui({
    stdout: stdout as NodeJS.WriteStream,
    stderr: stderr as NodeJS.WriteStream,
    stdin: stdin as NodeJS.ReadStream,
    snapshot: () => watcher.snapshot(),
    actions: lazyActions(async () => (await import('./actions.ts')).tuiActions(context, watcher)),
    ascii: flags['ascii'] === true || !hasUnicode(context),
    color: output.color,
    readOnly: flags['readOnly'] === true,
    panel: flags['panel'] as PanelId | undefined,
    intervalMs: choice.intervalMs,
    term: env['TERM'],
    ...(onLeave !== undefined && { onQuit: onLeave, onInterrupt: onLeave }),
    dumpFile: async (text) => {
      const at = new Date(now()).toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
      const path = join(cwd, `anomaly-tui-${at}.json`);
      await writeFile(path, text);
      return path;
    },
  });
}

/** Loaded when a key first asks for one: nobody waits for them at the start. */
function lazyActions(load: () => Promise<TuiActions>): TuiActions {
  return {
    savepoint: async (...given) => (await load()).savepoint(...given),
    promote: async (...given) => (await load()).promote(...given),
    pause: async (...given) => (await load()).pause(...given),
    resume: async (...given) => (await load()).resume(...given),
    stop: async (...given) => (await load()).stop(...given),
    series: async (...given) => (await load()).series(...given),
  };
}
