import type { NewVersion, TensorInfo } from './modelVersion.ts';

/**
 * The file MLmodel beside an ONNX file, by which MLflow's own tools know what lies there (mlflow.onnx, mlflow.pyfunc, its
 * pages). It is YAML, of which JSON is a part.
 */
export function mlflowModelFile(version: NewVersion, createdMs: number): Uint8Array {
  const data = version.files[0]!.path;
  const { signature } = version;
  const model = {
    artifact_path: 'model',
    flavors: {
      onnx: { data, code: null, providers: ['CPUExecutionProvider'], onnx_session_options: null },
      python_function: { loader_module: 'mlflow.onnx', data },
    },
    ...(signature !== undefined && {
      signature: { inputs: tensors(signature.inputs), outputs: tensors(signature.outputs), params: null },
    }),
    utc_time_created: new Date(createdMs).toISOString().replace('T', ' ').replace('Z', ''),
  };
  return new TextEncoder().encode(`${JSON.stringify(model, null, 2)}\n`);
}

function tensors(given: readonly TensorInfo[]): string {
  return JSON.stringify(
    given.map(({ name, type, shape }) => ({
      name,
      type: 'tensor',
      'tensor-spec': {
        dtype: type === 'string' ? 'object' : type,
        shape: shape.map((dimension) => (typeof dimension === 'number' ? dimension : -1)),
      },
    })),
  );
}
