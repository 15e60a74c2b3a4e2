import type { OnnxModel } from './onnxTypes.ts';

/**
 * The tensor of probabilities behind a map that skl2onnx makes of them (its ZipMap node), which no runtime gives to
 * JavaScript; undefined where the output is of another kind.
 */
export function tensorBehindMap(model: OnnxModel, output: string): string | undefined {
  return model.nodes.find(({ op, outputs }) => op === 'ZipMap' && outputs.includes(output))?.inputs[0];
}

/**
 * Makes a float tensor within the graph an output. The bytes of two messages in a row are their merge, in which repeated
 * fields are joined (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so the file itself stays as it is.
 */
export function withOutput(bytes: Uint8Array, tensor: string): Uint8Array {
  const name = new TextEncoder().encode(tensor);
  // Of type float (1), with no shape.
  const type = message(2, message(1, Uint8Array.of(0x08, 0x01)));
  const graph = message(12, concat(message(1, name), type));
  return concat(bytes, message(7, graph));
}

function message(field: number, content: Uint8Array): Uint8Array {
  const head = [field * 8 + 2];
  let length = content.length;
  for (; length >= 0x80; length = Math.floor(length / 0x80)) head.push((length % 0x80) + 0x80);
  return concat(Uint8Array.of(...head, length), content);
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
