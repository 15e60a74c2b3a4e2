// An LSTM forecaster of 32 hidden units over 32 steps of one channel, with random weights: as an ONNX file, and written down
// in plain TypeScript to hold what a runtime says against.
import type { ModelSpec } from '../src/models/modelSpec.ts';
import { floatTensor, longTensor, writeOnnx } from '../src/models/onnx/onnxWriter.ts';
import { specMetadata } from '../src/models/specMetadata.ts';

export const HIDDEN = 32;
export const STEPS = 32;
export const LSTM_SPEC: ModelSpec = { kind: 'forecast', length: STEPS, channels: ['value'], scaling: 'none' };

export interface Weights {
  /** [4H, 1], [4H, H] and twice [4H], gates in ONNX's order: input, output, forget, cell. */
  readonly w: Float32Array;
  readonly r: Float32Array;
  readonly wb: Float32Array;
  readonly rb: Float32Array;
  readonly v: Float32Array;
  readonly d: number;
}

export function randomWeights(seed: number): Weights {
  const random = uniform(seed);
  const array = (length: number) => Float32Array.from({ length }, () => (random() - 0.5) * 0.6);
  const gates = 4 * HIDDEN;
  return {
    w: array(gates),
    r: array(gates * HIDDEN),
    wb: array(gates),
    rb: array(gates),
    v: array(HIDDEN),
    d: array(1)[0]!,
  };
}

export function lstmFile({ w, r, wb, rb, v, d }: Weights): Uint8Array {
  const gates = 4 * HIDDEN;
  return writeOnnx({
    graphName: 'lstm',
    nodes: [
      { op: 'Transpose', inputs: ['x'], outputs: ['t'], attributes: { perm: { integers: [1, 0, 2] } } },
      {
        op: 'LSTM',
        inputs: ['t', 'W', 'R', 'B'],
        outputs: ['', 'last'],
        attributes: { hidden_size: { integer: HIDDEN } },
      },
      { op: 'Squeeze', inputs: ['last', 'axes'], outputs: ['state'] },
      { op: 'Gemm', inputs: ['state', 'V', 'd'], outputs: ['forecast'] },
    ],
    initializers: [
      floatTensor('W', [1, gates, 1], w),
      floatTensor('R', [1, gates, HIDDEN], r),
      floatTensor('B', [1, 2 * gates], [...wb, ...rb]),
      longTensor('axes', [1], [0]),
      floatTensor('V', [HIDDEN, 1], v),
      floatTensor('d', [1], [d]),
    ],
    inputs: [{ name: 'x', type: 1, dims: ['batch', STEPS, 1] }],
    outputs: [{ name: 'forecast', type: 1, dims: ['batch', 1] }],
    producer: { name: 'bench', version: '1' },
    opsets: { '': 17 },
    metadata: specMetadata(LSTM_SPEC),
  });
}

/** An LSTM (Hochreiter and Schmidhuber 1997, with forget gates), written down as ONNX defines it, in double precision. */
export function forecast({ w, r, wb, rb, v, d }: Weights, window: Float32Array): number {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  let h = new Float64Array(HIDDEN);
  const c = new Float64Array(HIDDEN);
  for (let step = 0; step < STEPS; step++) {
    const next = new Float64Array(HIDDEN);
    const gate = (which: number, unit: number): number => {
      const row = which * HIDDEN + unit;
      let sum = w[row]! * window[step]! + wb[row]! + rb[row]!;
      for (let i = 0; i < HIDDEN; i++) sum += r[row * HIDDEN + i]! * h[i]!;
      return sum;
    };
    for (let unit = 0; unit < HIDDEN; unit++) {
      c[unit] = sigmoid(gate(2, unit)) * c[unit]! + sigmoid(gate(0, unit)) * Math.tanh(gate(3, unit));
      next[unit] = sigmoid(gate(1, unit)) * Math.tanh(c[unit]!);
    }
    h = next;
  }
  return h.reduce((sum, each, i) => sum + each * v[i]!, d);
}

/** xorshift32, in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
