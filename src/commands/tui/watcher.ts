import type { Settings } from '../../config/settings.ts';
import type { MemberStatus } from '../../observe/status.ts';
import type { LogView } from '../../observe/watch/snapshot.ts';
import type { Logger } from '../../output/logger.ts';
import { Watcher } from '../../runtime/watch/watcher.ts';
import type { CommandContext } from '../command.ts';
import { pause } from '../timers.ts';

export interface WatcherChoice {
  readonly pipeline: string | null;
  readonly group: string | null;
  readonly lagEveryMs: number;
  readonly local?: () => readonly MemberStatus[];
  readonly log: () => readonly LogView[];
}

/** A failure that passes is waited out by the watch itself, which says so meanwhile. */
const RETRY_TIMEOUT_MS = 2000;

/** A watcher of the cluster that the settings name; nothing is sent before its start. */
export function makeWatcher(context: CommandContext, choice: WatcherChoice): Watcher {
  const { settings, cwd, logger, now } = context;
  const log = quieter(logger);
  return new Watcher({
    ...{ ...choice, now, pause, logger },
    connect: async () => {
      const [{ connect }, { createRegistry }, { clientOptions, registryOptions }] = await Promise.all([
        import('../../clients/connect.ts'),
        import('../../clients/createRegistry.ts'),
        import('../connections.ts'),
      ]);
      const options = clientOptions(settings, cwd);
      const client = await connect({
        ...options,
        retryTimeoutMs: Math.min(RETRY_TIMEOUT_MS, options.retryTimeoutMs ?? RETRY_TIMEOUT_MS),
        logger: (level, message, fields) => log[level](message, fields),
      });
      return { client, registry: createRegistry(registryOptions(settings, cwd)) };
    },
    profile: profileOf(settings),
    address: settings.list('brokers').join(','),
  });
}

/** The profile of rpk.yaml, where the brokers are those that it names. */
function profileOf(settings: Settings): string | null {
  if (settings.origin('brokers').origin !== 'rpk profile') return null;
  return settings.files.find(({ kind }) => kind === 'rpk profile')?.name ?? null;
}

/** What the client says of a connection that fails is what the watch says, only more often. */
function quieter(logger: Logger): Logger {
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: (message, fields) => logger.debug(message, fields),
    warn: (message, fields) => logger.debug(message, fields),
    error: (message, fields) => logger.debug(message, fields),
  };
}
