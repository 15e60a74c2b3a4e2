import { AnomalyError } from '../errors.ts';
import { runtimeInfo } from './runtime.ts';

/** Records where the time of this thread goes. */
export interface CpuProfiler {
  /** Ends it, and gives the profile as V8 has it. */
  stop(): Promise<unknown>;
}

/** @throws ANM_UNSUPPORTED where the runtime's inspector has no profiler */
export async function startCpuProfiler(): Promise<CpuProfiler> {
  let post: (method: string) => Promise<{ profile?: unknown }>;
  let close: () => void;
  try {
    const { Session } = await import('node:inspector');
    const session = new Session();
    session.connect();
    close = () => session.disconnect();
    post = (method) =>
      new Promise((resolve, reject) => {
        session.post(method, (error, answer) => {
          if (error === null || error === undefined) resolve((answer ?? {}) as { profile?: unknown });
          else reject(error instanceof Error ? error : new Error(String((error as { message?: unknown }).message)));
        });
      });
    await post('Profiler.enable');
    await post('Profiler.start');
  } catch (cause) {
    const { name, version } = runtimeInfo();
    throw new AnomalyError(
      'ANM_UNSUPPORTED',
      `cannot take a CPU profile on ${name} ${version} as its node:inspector has no profiler: ${(cause as Error).message}`,
      { hint: HINTS[name], cause },
    );
  }
  return {
    stop: async () => {
      const { profile } = await post('Profiler.stop');
      close();
      return profile;
    },
  };
}

const HINTS = {
  node: 'run a build of Node that has the inspector',
  bun: 'run it with Node, or as bun --cpu-prof, which writes the profile without the shares',
  deno: 'run it with Node, or as deno run --inspect, and record in the DevTools of a browser',
} as const;
