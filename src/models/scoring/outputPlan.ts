import { AnomalyError } from '../../errors.ts';
import type { ModelSpec } from '../modelSpec.ts';
import { tensorBehindMap } from '../onnx/extraOutput.ts';
import { describeValue, type OnnxModel, type OnnxValue } from '../onnx/onnxTypes.ts';
import { numbersOf, type TensorData } from '../runtime/tensorData.ts';
import { type InputPlan, inputDims } from './inputPlan.ts';

/** Which tensor is asked for, and how it becomes a raw score. */
export interface OutputPlan {
  /** As the runtime knows it. */
  readonly tensor: string;
  /** A tensor within the graph that has to be made an output first. */
  readonly isExtra: boolean;
}

const FLOATS = new Set(['float32', 'float16', 'float64', 'undefined']);

/** Throws ANM_MODEL_SPEC where the file has no such output, or none that can be scored. */
export function planOutput(path: string, model: OnnxModel, spec: ModelSpec): OutputPlan {
  const names = model.outputs.map((each) => `${each.name} (${describeValue(each)})`).join(', ');
  const chosen = spec.output === undefined ? firstOutput(model, spec) : named(model, spec.output);
  if (chosen === undefined) {
    const asked =
      spec.output === undefined ? `a ${spec.kind} needs a tensor of floats` : `the output is named ${spec.output}`;
    throw new AnomalyError('ANM_MODEL_SPEC', `${path} gives ${names || 'nothing'}, but ${asked}`);
  }
  if (chosen.kind === 'tensor') return { tensor: chosen.name, isExtra: false };
  const behind = tensorBehindMap(model, chosen.name);
  if (behind !== undefined && spec.kind === 'class') return { tensor: behind, isExtra: true };
  throw new AnomalyError(
    'ANM_MODEL_SPEC',
    `${path} gives ${chosen.name} as a ${chosen.kind}, but a score needs a tensor`,
    {
      hint: "export it with a tensor output; for skl2onnx: options={'zipmap': False}",
    },
  );
}

function named(model: OnnxModel, name: string): OnnxValue | undefined {
  return model.outputs.find((each) => each.name === name);
}

function firstOutput(model: OnnxModel, spec: ModelSpec): OnnxValue | undefined {
  const floats = model.outputs.find(({ kind, type }) => kind === 'tensor' && FLOATS.has(type));
  if (floats !== undefined || spec.kind !== 'class') return floats;
  return model.outputs.find(({ name }) => tensorBehindMap(model, name) !== undefined);
}

/** What was fed in one run: some rows of a request, at the beginning of a batch. */
export interface FedBatch {
  readonly windows: Float32Array;
  /** First row within the windows. */
  readonly from: number;
  readonly rows: number;
  /** Rows of the tensors; those behind `rows` are of no use. */
  readonly batch: number;
  /** What the input tensor had. */
  readonly fed: Float32Array | Float64Array;
}

type Numbers = Float32Array | Float64Array;

/** Raw scores from the output of a batch. */
export class OutputReader {
  readonly #path: string;
  readonly #spec: ModelSpec;
  readonly #input: InputPlan;
  readonly #name: string;

  constructor(path: string, spec: ModelSpec, input: InputPlan, name: string) {
    this.#path = path;
    this.#spec = spec;
    this.#input = input;
    this.#name = name;
  }

  /**
   * Writes a score for each row of the batch into `scores`, from `at` on. Throws ANM_MODEL_SPEC where the output has
   * another number of values than the spec says.
   */
  read(output: TensorData, batch: FedBatch, scores: Float32Array, at: number): void {
    const values = numbersOf(output);
    if (values === undefined) throw this.#mismatch(output, 'a score needs numbers');
    const { kind } = this.#spec;
    if (kind === 'forecast') this.#forecast(output, values, batch, scores, at);
    else if (kind === 'reconstruction') this.#reconstruction(output, values, batch, scores, at);
    else this.#column(output, values, batch, scores, at);
  }

  /** Mean |y - yhat| over the channels. */
  #forecast(output: TensorData, values: Numbers, batch: FedBatch, scores: Float32Array, at: number): void {
    const { channels, rowSize } = this.#input;
    if (values.length !== batch.batch * channels) {
      const wanted = `a forecast of ${count(channels, 'channel')} is [${batch.batch}, ${channels}]`;
      throw this.#mismatch(output, `${wanted} for ${count(batch.batch, 'row')}`);
    }
    for (let row = 0; row < batch.rows; row++) {
      const actual = (batch.from + row + 1) * rowSize - channels;
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) {
        sum += Math.abs(batch.windows[actual + channel]! - values[row * channels + channel]!);
      }
      scores[at + row] = sum / channels;
    }
  }

  /** Mean squared error of the whole window. */
  #reconstruction(output: TensorData, values: Numbers, batch: FedBatch, scores: Float32Array, at: number): void {
    const { channels, steps, layout } = this.#input;
    const { fed } = batch;
    const size = steps * channels;
    if (values.length !== batch.batch * size) {
      const dims = inputDims(this.#input, batch.batch).join(', ');
      throw this.#mismatch(output, `a reconstruction is as large as the input, [${dims}]`);
    }
    // A row is in one piece, or one piece a step.
    const isTimeFirst = layout === 'length-batch-channels';
    const piece = isTimeFirst ? channels : size;
    const stride = isTimeFirst ? batch.batch * channels : values.length;
    for (let row = 0; row < batch.rows; row++) {
      let sum = 0;
      for (let start = row * piece; start < values.length; start += stride) {
        for (let i = start; i < start + piece; i++) {
          const error = fed[i]! - values[i]!;
          sum += error * error;
        }
      }
      scores[at + row] = sum / size;
    }
  }

  /** One number a row: a score, or the probability of one class. */
  #column(output: TensorData, values: Numbers, { rows, batch }: FedBatch, scores: Float32Array, at: number): void {
    const { kind, direction, classIndex } = this.#spec;
    const width = values.length / batch;
    const column = kind === 'class' ? (classIndex ?? width - 1) : 0;
    if (kind === 'score' && width !== 1) {
      throw this.#mismatch(output, `a score is one number a row, for ${count(batch, 'row')}`);
    }
    if (!Number.isInteger(width) || column >= width) {
      const asked = classIndex === undefined ? '' : `, of which number ${classIndex} is asked for`;
      throw this.#mismatch(output, `a class needs probabilities${asked}, for ${count(batch, 'row')}`);
    }
    const sign = kind === 'score' && direction === 'low' ? -1 : 1;
    for (let row = 0; row < rows; row++) scores[at + row] = sign * values[row * width + column]!;
  }

  #mismatch(output: TensorData, wanted: string): AnomalyError {
    const gives = `gives ${this.#name} as ${output.type} [${output.dims.join(', ')}]`;
    return new AnomalyError('ANM_MODEL_SPEC', `${this.#path} ${gives}, but ${wanted}`);
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
