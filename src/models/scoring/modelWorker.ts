import { AnomalyError } from '../../errors.ts';
import { type ModelFiles, modelFromBytes, readModelFiles } from '../runtime/modelFiles.ts';
import { type OnnxSession, openSession } from '../runtime/onnxSession.ts';
import type { TensorData } from '../runtime/tensorData.ts';
import {
  type FromModelWorker,
  type ModelSource,
  type OpenedModel,
  type OpenModel,
  plainError,
  type ToModelWorker,
} from '../runtime/workerMessages.ts';
import { WindowModel } from './windowModel.ts';

/** The worker's side: one model, whose runs follow each other in the order of the messages. */
export class ModelWorker {
  readonly #post: (message: FromModelWorker, transfer: ArrayBuffer[]) => void;
  #session: OnnxSession | undefined;
  #model: WindowModel | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(post: (message: FromModelWorker, transfer: ArrayBuffer[]) => void) {
    this.#post = post;
  }

  take(message: ToModelWorker): void {
    this.#last = this.#last.then(() => this.#handle(message));
  }

  async #handle(message: ToModelWorker): Promise<void> {
    if (message.type === 'open') await this.#open(message.open);
    else if (message.type === 'score') await this.#score(message.id, message.rows, message.windows);
    else if (message.type === 'run') await this.#run(message.id, message.feeds, message.outputs);
    else {
      await this.#session?.release();
      this.#post({ type: 'closed' }, []);
    }
  }

  async #open(open: OpenModel): Promise<void> {
    try {
      const startedMs = performance.now();
      const files = await filesOf(open.source);
      if (open.sha256 !== undefined && open.sha256 !== files.sha256) throw changed(files, open.sha256);
      const { runtime, windows } = open;
      if (windows === undefined) this.#session = await openSession(files, runtime);
      else {
        this.#model = await WindowModel.open(files, { runtime, ...windows });
        this.#session = this.#model.session;
      }
      const loadMs = performance.now() - startedMs;
      this.#post({ type: 'opened', opened: describe(files, this.#session, this.#model, loadMs) }, []);
    } catch (error) {
      this.#post({ type: 'refused', error: plainError(error) }, []);
    }
  }

  async #score(id: number, rows: number, windows: Float32Array): Promise<void> {
    try {
      const scores = await this.#model!.score(rows, windows);
      this.#post({ type: 'scores', id, scores, windows }, [bufferOf(scores), bufferOf(windows)]);
    } catch (error) {
      this.#post({ type: 'failed', id, error: plainError(error), windows }, [bufferOf(windows)]);
    }
  }

  async #run(id: number, feeds: Readonly<Record<string, TensorData>>, outputs: readonly string[]): Promise<void> {
    try {
      this.#post({ type: 'tensors', id, tensors: await this.#session!.run(feeds, outputs) }, []);
    } catch (error) {
      this.#post({ type: 'failed', id, error: plainError(error) }, []);
    }
  }
}

function filesOf(source: ModelSource): Promise<ModelFiles> | ModelFiles {
  return 'path' in source ? readModelFiles(source.path) : modelFromBytes(source.name, source.bytes, source.external);
}

function changed({ path, sha256 }: ModelFiles, wanted: string): AnomalyError {
  return new AnomalyError('ANM_MODEL_FILE', `${path} has the sha256 ${sha256}, but ${wanted} was to be loaded`, {
    hint: 'the file was changed since: start again to take it as it is, or bring the old one back',
  });
}

function describe(
  { path, sha256, model: file, bytes: own, external }: ModelFiles,
  { runtime, version }: OnnxSession,
  model: WindowModel | undefined,
  loadMs: number,
): OpenedModel {
  const { producer, opsets, metadata, inputs, outputs } = file;
  const bytes = [...external.values()].reduce((sum, each) => sum + each.length, own.length);
  const known = {
    path,
    sha256,
    bytes,
    runtime,
    runtimeVersion: version,
    producer,
    opsets,
    metadata,
    inputs,
    outputs,
    loadMs,
  };
  if (model === undefined) return known;
  const { spec, batchSizes, rowsPerCall, whyOneByOne } = model;
  return {
    ...known,
    windows: { spec, batchSizes, rowsPerCall, ...(whyOneByOne === undefined ? {} : { whyOneByOne }) },
  };
}

function bufferOf(array: Float32Array): ArrayBuffer {
  return array.buffer as ArrayBuffer;
}
