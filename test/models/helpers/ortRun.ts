import * as ort from 'onnxruntime-web';

ort.env.wasm.numThreads = 1;

/** Runs a model on one input of [count, ...dims] single-precision numbers, and gives its only output. */
export async function ortRun(
  model: Uint8Array,
  values: Float32Array,
  dims: readonly number[],
): Promise<{ readonly data: Float32Array; readonly dims: readonly number[] }> {
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'all' });
  try {
    const input = new ort.Tensor('float32', values, [...dims]);
    const outputs = await session.run({ [session.inputNames[0]!]: input });
    const output = outputs[session.outputNames[0]!]!;
    return { data: output.data as Float32Array, dims: output.dims };
  } finally {
    await session.release();
  }
}
