import { AnomalyError } from '../../errors.ts';
import type { ModelLayout, ModelSpec } from '../modelSpec.ts';
import { describeValue, type OnnxDim, type OnnxModel, type OnnxValue } from '../onnx/onnxTypes.ts';

/** How windows become the model's input tensor. */
export interface InputPlan {
  readonly name: string;
  readonly type: 'float32' | 'float16' | 'float64';
  readonly layout: ModelLayout;
  /** Values of a series that the model reads. */
  readonly steps: number;
  readonly channels: number;
  /** Values of a row of the request: (length + 1) x channels. */
  readonly rowSize: number;
  /** The only size of a batch that the input's shape allows. */
  readonly fixedBatch: number | undefined;
}

type Part = 'batch' | 'steps' | 'channels' | 'values';

/** The parts of each layout's dimensions; values are steps x channels. */
const PARTS: Readonly<Record<ModelLayout, readonly Part[]>> = {
  'batch-length-channels': ['batch', 'steps', 'channels'],
  'batch-channels-length': ['batch', 'channels', 'steps'],
  'length-batch-channels': ['steps', 'batch', 'channels'],
  flat: ['batch', 'values'],
};

/** Throws ANM_MODEL_SPEC where the spec and the file's input differ in name, type or shape. */
export function planInput(path: string, model: OnnxModel, spec: ModelSpec): InputPlan {
  const input = chooseInput(path, model, spec);
  const { name, type, shape } = input;
  if (type !== 'float32' && type !== 'float16' && type !== 'float64') {
    throw mismatch(path, `reads ${name} as ${describeValue(input)}`, 'the values of a series are floating point', {
      hint: 'export it with a float input and a Cast behind it',
    });
  }
  const channels = spec.channels.length;
  const steps = spec.kind === 'forecast' ? spec.length : spec.length + 1;
  if (steps === 0) {
    throw mismatch(path, 'is a forecast', 'length is 0, so there is nothing to forecast from');
  }
  const layout = chooseLayout(path, input, spec, { batch: null, steps, channels, values: steps * channels });
  const batch = shape?.[PARTS[layout].indexOf('batch')];
  return {
    name,
    type,
    layout,
    steps,
    channels,
    rowSize: (spec.length + 1) * channels,
    fixedBatch: typeof batch === 'number' ? batch : undefined,
  };
}

/** The dimensions of a batch. */
export function inputDims({ layout, steps, channels }: InputPlan, batch: number): number[] {
  const sizes: Record<Part, number> = { batch, steps, channels, values: steps * channels };
  return PARTS[layout].map((part) => sizes[part]);
}

function chooseInput(path: string, model: OnnxModel, spec: ModelSpec): OnnxValue {
  const names = model.inputs.map((each) => `${each.name} (${describeValue(each)})`).join(', ');
  const found = model.inputs.find(({ name }) => name === (spec.input ?? name));
  if (found === undefined) {
    const asked = spec.input === undefined ? 'values have to be fed to one' : `the input is named ${spec.input}`;
    throw mismatch(path, names === '' ? 'has no input' : `reads ${names}`, asked);
  }
  if (found.kind !== 'tensor') throw mismatch(path, `reads ${names}`, 'values are fed as a tensor');
  if (model.inputs.length > 1) {
    throw mismatch(path, `reads ${names}`, `values are fed to one input, ${found.name}`, {
      hint: 'export it with one input; initial states and lengths can be constants of the graph',
    });
  }
  return found;
}

function chooseLayout(
  path: string,
  input: OnnxValue,
  spec: ModelSpec,
  sizes: Readonly<Record<Part, number | null>>,
): ModelLayout {
  const { shape, name } = input;
  if (shape === undefined) return spec.layout ?? 'batch-length-channels';
  let best: ModelLayout | undefined;
  let bestFit = -1;
  for (const layout of Object.keys(PARTS) as ModelLayout[]) {
    if (spec.layout !== undefined && layout !== spec.layout) continue;
    const fit = fitOf(shape, PARTS[layout], sizes, spec.layout !== undefined);
    if (fit > bestFit) [best, bestFit] = [layout, fit];
  }
  if (best !== undefined) return best;
  const { steps, channels } = sizes;
  const plural = spec.channels.length === 1 ? 'channel' : 'channels';
  const wanted = `a window has ${steps} steps of ${channels} ${plural} (${spec.channels.join(', ')})`;
  const layout = spec.layout === undefined ? '' : `, laid out ${spec.layout}`;
  throw mismatch(path, `reads ${name} as ${describeValue(input)}`, `${wanted}${layout}`, {
    hint: `correct score.model.input.length (now ${spec.length}), fields or layout, or give the model that belongs to them`,
  });
}

/**
 * -1 where a fixed size contradicts the layout; else the sizes that speak for it. A fixed batch beside another size that
 * is not fixed is only believed where the layout is given: rather, the dynamic one is the batch.
 */
function fitOf(
  shape: readonly OnnxDim[],
  parts: readonly Part[],
  sizes: Readonly<Record<Part, number | null>>,
  isGiven: boolean,
): number {
  if (shape.length !== parts.length) return -1;
  const batch = shape[parts.indexOf('batch')];
  if (!isGiven && typeof batch === 'number' && batch > 1 && shape.some((dim) => typeof dim !== 'number')) return -1;
  let fit = 0;
  for (const [i, part] of parts.entries()) {
    const isFixed = typeof shape[i] === 'number';
    if (part === 'batch') fit += isFixed ? 0 : 1;
    else if (isFixed && shape[i] !== sizes[part]) return -1;
    else fit += isFixed ? 1 : 0;
  }
  return fit;
}

function mismatch(path: string, file: string, spec: string, options: { hint?: string } = {}): AnomalyError {
  return new AnomalyError('ANM_MODEL_SPEC', `${path} ${file}, but ${spec}`, options);
}

/** Puts rows of a request into the input's array, whose batch may be larger: what is behind stays as it was. */
export function fillInput(
  plan: InputPlan,
  windows: Float32Array,
  from: number,
  rows: number,
  batch: number,
  into: Float32Array | Float64Array,
): void {
  const { steps, channels, rowSize, layout } = plan;
  const size = steps * channels;
  for (let row = 0; row < rows; row++) {
    const source = (from + row) * rowSize;
    if (layout === 'batch-length-channels' || layout === 'flat') {
      into.set(windows.subarray(source, source + size), row * size);
      continue;
    }
    const isTimeFirst = layout === 'length-batch-channels';
    const base = isTimeFirst ? row * channels : row * size;
    const stepStride = isTimeFirst ? batch * channels : 1;
    const channelStride = isTimeFirst ? 1 : steps;
    for (let step = 0; step < steps; step++) {
      for (let channel = 0; channel < channels; channel++) {
        into[base + step * stepStride + channel * channelStride] = windows[source + step * channels + channel]!;
      }
    }
  }
}
