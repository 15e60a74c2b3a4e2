import type { TensorData } from '../runtime/tensorData.ts';
import { datatypeOf } from './datatypes.ts';
import type { InferRequest, WantedOutput } from './inferRequest.ts';
import { RequestError } from './requestError.ts';
import type { ServedTensor } from './servedTensors.ts';
import { writeData } from './tensorJson.ts';

export interface InferResponse {
  readonly body: Buffer;
  /** Length of the JSON part, where bytes of tensors follow. */
  readonly jsonBytes: number | undefined;
}

/** The outputs that a request asks for. @throws RequestError for one that the model does not give */
export function wantedOutputs(
  { outputs, isBinary }: Pick<InferRequest, 'outputs' | 'isBinary'>,
  given: readonly ServedTensor[],
): readonly WantedOutput[] {
  for (const { name } of outputs ?? []) {
    if (given.some((each) => each.name === name)) continue;
    const names = given.map((each) => each.name).join(', ');
    throw new RequestError(400, `there is no output ${JSON.stringify(name)}; the model gives ${names}`);
  }
  return outputs ?? given.map(({ name }) => ({ name, isBinary }));
}

/** The body of the answer: JSON, and behind it the tensors that were asked for in binary. */
export function writeInferResponse(
  model: { readonly name: string; readonly version: string },
  id: string | undefined,
  wanted: readonly WantedOutput[],
  results: Readonly<Record<string, TensorData>>,
): InferResponse {
  const tails: Buffer[] = [];
  const outputs = wanted.map(({ name, isBinary }) => {
    const tensor = results[name]!;
    const { type, dims, data } = tensor;
    const head = `{"name":${JSON.stringify(name)},"datatype":"${datatypeOf(type)!.name}","shape":[${dims.join(',')}]`;
    if (!isBinary) return `${head},"data":${writeData(tensor)}}`;
    const { buffer, byteOffset, byteLength } = data as Float32Array;
    tails.push(Buffer.from(buffer, byteOffset, byteLength));
    return `${head},"parameters":{"binary_data_size":${byteLength}}}`;
  });
  const own = id === undefined ? '' : `,"id":${JSON.stringify(id)}`;
  const version = `"model_version":${JSON.stringify(model.version)}`;
  const json = Buffer.from(
    `{"model_name":${JSON.stringify(model.name)},${version}${own},"outputs":[${outputs.join(',')}]}`,
  );
  if (tails.length === 0) return { body: json, jsonBytes: undefined };
  return { body: Buffer.concat([json, ...tails]), jsonBytes: json.length };
}
