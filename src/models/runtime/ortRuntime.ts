import type * as Ort from 'onnxruntime-web';
import { AnomalyError } from '../../errors.ts';

/** `score.model.runtime`: auto takes the native one where it is installed. */
export type RuntimeChoice = 'auto' | 'web' | 'node';

export interface RuntimeSettings {
  readonly runtime: RuntimeChoice;
  /** Of one run. More than one pays for large models only. */
  readonly threads: number;
}

export const DEFAULT_RUNTIME: RuntimeSettings = { runtime: 'auto', threads: 1 };

/** onnxruntime, in one of its packages. */
export interface OrtRuntime {
  readonly name: 'onnxruntime-web' | 'onnxruntime-node';
  readonly version: string;
  readonly ort: typeof Ort;
}

/** In a variable: the package is no dependency, and a bundler leaves it where it is. */
const NATIVE: string = 'onnxruntime-node';
/** Fatal: what goes wrong is thrown, and said once. */
const SILENT = 4;

/** Loads the runtime; in this thread it stays, with its threads. */
export async function loadRuntime({ runtime, threads }: RuntimeSettings): Promise<OrtRuntime> {
  if (runtime !== 'web') {
    const native = await loadNative(runtime === 'node');
    if (native !== undefined) return native;
  }
  const ort = await import('onnxruntime-web');
  ort.env.logLevel = 'fatal';
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.proxy = false;
  return { name: 'onnxruntime-web', version: ort.env.versions.web ?? ort.env.versions.common, ort };
}

async function loadNative(isAsked: boolean): Promise<OrtRuntime | undefined> {
  try {
    const loaded = (await import(NATIVE)) as typeof Ort & { default?: typeof Ort };
    const ort = loaded.InferenceSession === undefined ? loaded.default! : loaded;
    ort.env.logLevel = 'fatal';
    return { name: 'onnxruntime-node', version: ort.env.versions.node ?? ort.env.versions.common, ort };
  } catch (cause) {
    if (!isAsked) return undefined;
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new AnomalyError('ANM_MODEL_RUNTIME', `cannot load ${NATIVE}: ${why}`, {
      hint: `npm install ${NATIVE}@1.30.0 beside anomaly, or set score.model.runtime: web`,
      cause,
    });
  }
}

export function sessionOptions(
  { threads }: RuntimeSettings,
  external: ReadonlyMap<string, Uint8Array>,
): Ort.InferenceSession.SessionOptions {
  return {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: SILENT,
    ...(external.size === 0 ? {} : { externalData: [...external].map(([path, data]) => ({ path, data })) }),
  };
}
