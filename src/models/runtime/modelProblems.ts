import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { OnnxModel } from '../onnx/onnxTypes.ts';
import type { OrtRuntime } from './ortRuntime.ts';

/** Domains whose operators onnxruntime has; '' is ai.onnx. */
const KNOWN_DOMAINS = new Set([
  '',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview',
  'ai.onnx.preview.training',
  'com.microsoft',
  'com.microsoft.experimental',
  'com.microsoft.nchwc',
  'com.ms.internal.nhwc',
]);
const RECURRENT = new Set(['LSTM', 'GRU', 'RNN']);
/** The first version of ai.onnx whose operators onnxruntime has all. */
const LEAST_OPSET = 7;
const CONVERT =
  "convert it: onnx.save(onnx.version_converter.convert_version(onnx.load('model.onnx'), 17), 'model.onnx')";

/** Refuses by name what the runtime would refuse in words of its own, or only at the first run. */
export function refuseUnrunnable(path: string, model: OnnxModel): void {
  for (const { op, domain, name, attributes } of model.nodes) {
    const node = name === '' ? op : `${op} '${name}'`;
    if (!KNOWN_DOMAINS.has(domain) && !model.functionDomains.has(domain)) {
      throw unsupported(path, `its node ${node} is of the domain ${domain}, which onnxruntime does not have`, {
        hint: 'export it without operators of its own, or with its functions in the file',
      });
    }
    if (RECURRENT.has(op) && attributes.some((each) => each.name === 'layout' && each.int === 1)) {
      throw unsupported(path, `its node ${node} has layout=1 (batch first), which onnxruntime does not run`, {
        hint: 'export it with layout=0 and a Transpose before it, as torch.onnx.export writes batch_first=True',
      });
    }
  }
}

/** Why no session was made, in words of ours. */
export function loadProblem(path: string, model: OnnxModel, runtime: OrtRuntime, error: unknown): AnomalyError {
  const said = ortMessage(error);
  const opset = model.opsets.get('');
  const by = `${runtime.name} ${runtime.version}`;
  const options = { cause: error, details: { runtime: by, opset } };
  const missing = /Could not find an implementation for (\w+)\((\d+)\)/.exec(said);
  if (missing !== null) {
    const isOld = opset !== undefined && opset < LEAST_OPSET;
    const what = isOld ? `is of opset ${opset}, and ` : '';
    return unsupported(path, `it ${what}${by} has no ${missing[1]} of version ${missing[2]} for its types`, {
      ...options,
      ...(isOld ? { hint: CONVERT } : {}),
    });
  }
  const unknown = /No Op registered for (\w+)|Fatal error: (\S+?)\(-?\d+\) is not a registered/.exec(said);
  if (unknown !== null) {
    return unsupported(path, `${by} does not know its operator ${unknown[1] ?? unknown[2]} (opset ${opset})`, options);
  }
  if (/only \*guarantees\* support/.test(said)) {
    const hint = 'export it with an older opset (17 is known everywhere), or update anomaly';
    return unsupported(path, `its opset ${opset} is newer than ${by}`, { ...options, hint });
  }
  if (isOutOfMemory(said)) {
    return new AnomalyError('ANM_MODEL_TOO_LARGE', `${path} does not fit into the memory of ${by}`, options);
  }
  if (/protobuf parsing failed|Load model.*failed:Protobuf/i.test(said)) {
    return new AnomalyError('ANM_MODEL_FILE', `cannot read ${path} as an ONNX model: ${said}`, options);
  }
  return unsupported(path, said, options);
}

export function runProblem(path: string, error: unknown): AnomalyError {
  if (isAnomalyError(error)) return error;
  const said = ortMessage(error);
  const code = isOutOfMemory(said) ? 'ANM_MODEL_TOO_LARGE' : 'ANM_MODEL_FAILED';
  return new AnomalyError(code, `${path} failed: ${said}`, { cause: error });
}

/** Without error numbers, paths and functions of the runtime's source. */
export function ortMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/^.*ERROR_MESSAGE: /s, '')
    .replace(/(^|\s)\/?[\w./-]+\.(cc|h):\d+ .*?\) (?=[A-Z_a-z])/s, '$1')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\.$/, '');
}

function isOutOfMemory(said: string): boolean {
  return /bad_alloc|out of memory|cannot enlarge memory|Failed to allocate|WebAssembly\.Memory|Integer overflow|Invalid typed array length/i.test(
    said,
  );
}

function unsupported(path: string, why: string, options: ConstructorParameters<typeof AnomalyError>[2]): AnomalyError {
  return new AnomalyError('ANM_MODEL_UNSUPPORTED', `cannot run ${path}: ${why}`, options);
}
