import type { EventEmitter } from 'node:events';
import type { Writable } from 'node:stream';

/** Where signals come from; the process, or an emitter in tests. */
export type SignalSource = Pick<EventEmitter, 'on' | 'off'>;

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
/** Exit code where a second signal, of either kind, did not wait for the end of what was in flight. */
const CUT = 130;
type SignalName = keyof typeof SIGNALS;

/** Exit code of a command that a signal stopped before it had done what it was asked for. */
export function stoppedCode(signal: AbortSignal): number {
  return signal.reason === 'SIGTERM' ? SIGNALS.SIGTERM : SIGNALS.SIGINT;
}

export interface Lifecycle {
  /** Aborted by the first SIGINT or SIGTERM, and when nobody reads stdout any more. */
  readonly signal: AbortSignal;
  /** The exit code of the first signal, once there was one. */
  readonly signalCode: () => number | undefined;
  /** Resolves with an exit code when the command must not be waited for, rejects on a failure outside any promise. */
  readonly cut: Promise<number>;
  dispose(): void;
}

export interface ProcessOutputs {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Watches signals, a closed stdout or stderr, and errors that escaped from a callback. */
export function watchProcess(source: SignalSource, { stdout, stderr }: ProcessOutputs): Lifecycle {
  const controller = new AbortController();
  const { promise: cut, resolve, reject } = deferred<number>();
  let first: SignalName | undefined;
  const onSignal = (name: SignalName) => (): void => {
    if (first !== undefined) {
      resolve(CUT);
      return;
    }
    first = name;
    stderr.write(`${name}: finishing what is in flight; once more to stop at once\n`);
    controller.abort(name);
  };
  // The reader of a pipe has gone, as head does: there is nobody left to tell, so it ends quietly.
  const onOutputError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') {
      controller.abort('EPIPE');
      resolve(0);
    } else {
      reject(error);
    }
  };
  // Nobody reads the log any more, or its disk is full: the work does not end for that.
  const onLogError = (): void => {};
  const onStray = (error: unknown): void => reject(error);
  const handlers = [
    ['SIGINT', onSignal('SIGINT')],
    ['SIGTERM', onSignal('SIGTERM')],
    ['uncaughtException', onStray],
    ['unhandledRejection', onStray],
  ] as const;
  for (const [event, handler] of handlers) source.on(event, handler);
  stdout.on('error', onOutputError);
  stderr.on('error', onLogError);
  return {
    signal: controller.signal,
    signalCode: () => (first === undefined ? undefined : SIGNALS[first]),
    cut,
    dispose: () => {
      for (const [event, handler] of handlers) source.off(event, handler);
      stdout.off('error', onOutputError);
      stderr.off('error', onLogError);
    },
  };
}

function deferred<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Nobody may be waiting any more when it rejects.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
