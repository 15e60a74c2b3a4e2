/** An alias whose version is served. */
export interface WatchedAlias {
  readonly name: string;
  readonly alias: string;
  /** What it pointed at when it was last looked at. */
  version: string;
}

export interface AliasWatchOptions {
  readonly aliases: readonly WatchedAlias[];
  readonly everyMs: number;
  /** The version that an alias points at now; null where it was taken away. */
  readonly look: (name: string, alias: string) => Promise<string | null>;
  /** Loads a version and moves the alias to it; resolves when it answers. */
  readonly move: (alias: WatchedAlias, version: string) => Promise<void>;
  /** Where the registry or the model fails: what was served stays. */
  readonly onProblem: (alias: WatchedAlias, error: unknown) => void;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Looks where aliases point, and follows them: the new version is loaded beside the old one, then the alias moves, so that
 * no request waits. Ends with the signal.
 */
export async function watchAliases(options: AliasWatchOptions, signal: AbortSignal): Promise<void> {
  const { aliases, everyMs, look, move, onProblem, sleep } = options;
  while (!signal.aborted) {
    await sleep(everyMs, signal);
    for (const watched of aliases) {
      if (signal.aborted) return;
      try {
        const version = await look(watched.name, watched.alias);
        // One that was taken away is no reason to stop answering.
        if (version === null || version === watched.version) continue;
        await move(watched, version);
        watched.version = version;
      } catch (error) {
        onProblem(watched, error);
      }
    }
  }
}
