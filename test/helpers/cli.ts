import { EventEmitter } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { main } from '../../src/cli.ts';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text, or a stream that may stay open. */
  readonly stdin?: string | Uint8Array | Readable;
  readonly terminal?: boolean;
  readonly now?: () => number;
  /** Emit 'SIGINT' or 'SIGTERM' on it. */
  readonly signals?: EventEmitter;
  /** Called with everything on stdout so far. */
  readonly onOutput?: (text: string) => void;
  /** The same of stderr. */
  readonly onError?: (text: string) => void;
}

/** Runs a command line in this process, with streams, environment and signals of its own: nothing of the user's. */
export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const cwd = options.cwd ?? '/nonexistent';
  let out = '';
  const stdout = collector((text) => {
    out += text;
    options.onOutput?.(out);
  }, options.terminal);
  let err = '';
  const stderr = collector((text) => {
    err += text;
    options.onError?.(err);
  }, options.terminal);
  const code = await main(argv, {
    stdin: Object.assign(options.stdin instanceof Readable ? options.stdin : Readable.from([options.stdin ?? '']), {
      isTTY: options.terminal ?? false,
    }),
    stdout,
    stderr,
    // A home of its own, so that the configuration of whoever runs the tests has no say.
    env: { HOME: '/nonexistent/home', ...options.env },
    cwd,
    now: options.now ?? Date.now,
    signals: options.signals ?? new EventEmitter(),
  });
  return { code, stdout: out, stderr: err };
}

function collector(onText: (text: string) => void, isTTY = false): Writable & { isTTY: boolean; columns: number } {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      onText(String(chunk));
      done();
    },
  });
  return Object.assign(stream, { isTTY, columns: 100 });
}
