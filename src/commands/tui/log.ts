import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LogLevel } from '../../output/logger.ts';
import { type LogLine, RingLogger } from '../../output/ringLogger.ts';
import { StreamLogger } from '../../output/streamLogger.ts';
import { stateDirectory } from '../../platform/paths.ts';
import type { CommandContext } from '../command.ts';

/** A file that is larger is put aside, in the place of the one that was put aside before. */
const MOST_BYTES = 10 * 1024 * 1024;
const LINES = 1000;

/** Where the diagnostics go while a screen has the terminal: its log panel, and a file as NDJSON. */
export interface ScreenLog {
  readonly logger: RingLogger;
  /** Of the file; null where it cannot be written. */
  readonly path: string | null;
  lines(): readonly LogLine[];
  /** Resolves when the file has all lines. */
  close(): Promise<void>;
}

/** Opens $XDG_STATE_HOME/anomaly/anomaly.log. A disk that takes no log is said in the panel, and is no reason to end. */
export function openScreenLog({ env, now, settings, flags }: CommandContext): ScreenLog {
  const path = join(stateDirectory(env), 'anomaly.log');
  const level = flags['debug'] === true ? 'debug' : (settings.string('log.level') as LogLevel);
  const file = openFile(path);
  const stream = file instanceof Error ? NOWHERE : file;
  const plain = new StreamLogger({ ...{ stream: stream as WriteStream, level, now }, format: 'json', color: false });
  const logger = new RingLogger(LINES, now, plain, level === 'debug');
  if (file instanceof Error) logger.warn(`the log is kept in no file: ${file.message}`);
  else file.on('error', (error) => logger.warn(`the log is kept in no file from here on: ${error.message}`));
  return {
    logger,
    path: file instanceof Error ? null : path,
    lines: () => logger.lines(),
    close: async () => {
      if (file instanceof Error || file.destroyed) return;
      await new Promise<void>((resolve) => {
        file.once('error', () => resolve());
        file.end(resolve);
      });
    },
  };
}

function openFile(path: string): WriteStream | Error {
  try {
    mkdirSync(dirname(path), { recursive: true });
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MOST_BYTES) renameSync(path, `${path}.1`);
    return createWriteStream(path, { flags: 'a' });
  } catch (error) {
    return error as Error;
  }
}

const NOWHERE = { write: () => true };
