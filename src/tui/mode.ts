type Environment = Readonly<Record<string, string | undefined>>;

export interface ModeQuestion {
  readonly stdin: { readonly isTTY?: boolean | undefined };
  readonly stdout: { readonly isTTY?: boolean | undefined };
  readonly env: Environment;
  /** Asked for by a flag. */
  readonly accessible: boolean;
}

export interface TuiMode {
  readonly mode: 'screen' | 'lines';
  /** Why it is lines; null for a screen. */
  readonly reason: string | null;
}

/** Screen or lines: a screen takes a terminal on both sides that can place a cursor, and a reader who sees it. */
export function tuiMode({ stdin, stdout, env, accessible }: ModeQuestion): TuiMode {
  const lines = (reason: string): TuiMode => ({ mode: 'lines', reason });
  if (accessible) return lines('--accessible');
  if (env['INK_SCREEN_READER'] === 'true') return lines('INK_SCREEN_READER is true');
  if (stdout.isTTY !== true) return lines('stdout is no terminal');
  if (stdin.isTTY !== true) return lines('stdin is no terminal, so there are no keys');
  if (env['TERM'] === 'dumb') return lines('a terminal of type dumb cannot place its cursor');
  return { mode: 'screen', reason: null };
}
