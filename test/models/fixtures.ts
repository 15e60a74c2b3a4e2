import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The runtime under test: ANOMALY_MODEL_RUNTIME=node takes onnxruntime-node, where it is installed. */
export const RUNTIME = {
  runtime: process.env['ANOMALY_MODEL_RUNTIME'] === 'node' ? 'node' : 'web',
  threads: 1,
} as const;

const FOLDER = new URL('../../fixtures/models/', import.meta.url);

/** Path of a model of fixtures/models. */
export function modelPath(name: string): string {
  return fileURLToPath(new URL(`${name}.onnx`, FOLDER));
}

export function modelBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(modelPath(name)));
}

export interface Expected {
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** What onnx's reference evaluator or scikit-learn gave. */
export const EXPECTED: Readonly<Record<string, Expected>> = JSON.parse(
  readFileSync(new URL('expected.json', FOLDER), 'utf8'),
);
