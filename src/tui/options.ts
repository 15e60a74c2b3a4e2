import type { PanelId } from '../observe/watch/panelIds.ts';
import type { TuiActions, TuiSnapshot } from '../observe/watch/snapshot.ts';

export interface TuiOptions {
  readonly stdout: NodeJS.WriteStream;
  /** Held back while the view is up. */
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  /** How often it looks at first, milliseconds; at least 250, which is the default. Keys change it. */
  readonly intervalMs?: number | undefined;
  /** Called at most four times a second, and when a key asks for it. */
  readonly snapshot: () => TuiSnapshot;
  readonly actions: TuiActions;
  /** Only characters of ASCII. */
  readonly ascii: boolean;
  readonly color: boolean;
  /** Actions are disabled, and say so. */
  readonly readOnly: boolean;
  /** The panel that is shown first. */
  readonly panel?: PanelId | undefined;
  /** Type of the terminal, which decides about the clipboard. */
  readonly term: string | undefined;
  /** q was pressed. The view stays, and says so, until `stop`; without it the view ends by itself. */
  readonly onQuit?: (() => void) | undefined;
  /** ^C, which raw mode makes a key like any other; likewise. A second one comes as a second call. */
  readonly onInterrupt?: (() => void) | undefined;
  /** Writes what the user dumps into a file, and gives its path. */
  readonly dumpFile: (text: string) => Promise<string>;
}
