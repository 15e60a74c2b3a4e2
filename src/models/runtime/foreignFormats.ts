import { basename } from 'node:path';

/** What a file is that is no ONNX model, and how one comes from it. */
export interface ForeignFormat {
  /** 'a TensorFlow Lite model' */
  readonly what: string;
  readonly hint: string;
}

/** Bytes of the beginning that tell all formats apart. */
export const HEAD_BYTES = 512;

const TF2ONNX = 'python -m tf2onnx.convert';
const TFLITE = known('a TensorFlow Lite model', `convert it by ${TF2ONNX} --tflite FILE --output model.onnx`);
const SAVED_MODEL = known(
  'a TensorFlow SavedModel',
  `convert its folder by ${TF2ONNX} --saved-model FOLDER --output model.onnx`,
);
const FROZEN = known(
  'a TensorFlow graph',
  `convert it by ${TF2ONNX} --graphdef FILE --inputs NAMES --outputs NAMES --output model.onnx`,
);
const KERAS = known(
  'a Keras model',
  `convert it by model.export('model.onnx', format='onnx') of Keras 3, or ${TF2ONNX} --keras FILE --output model.onnx`,
);
const TORCH = known(
  'a PyTorch checkpoint',
  "load it in Python and write torch.onnx.export(model, example, 'model.onnx', dynamo=True, dynamic_shapes=...) with a dynamic batch",
);
const PICKLE = known(
  'a Python pickle',
  'load it in Python and convert it: skl2onnx.to_onnx for scikit-learn, onnxmltools for XGBoost and LightGBM, torch.onnx.export for PyTorch',
);
const SAFETENSORS = known(
  'a safetensors file, which has weights without their model',
  'load the weights into their model in Python, and write it by torch.onnx.export or optimum-cli export onnx',
);
const GGUF = known('a GGUF language model', 'that is no model of numbers; give an ONNX model that scores windows');
const OPENVINO = known(
  'an OpenVINO model',
  'nothing converts it back: export the model that it was made from, as by torch.onnx.export or tf2onnx',
);
const CORE_ML = known('a Core ML model', 'export the model that it was made from, as by torch.onnx.export or skl2onnx');
const BOOSTER = known(
  'a model of XGBoost or LightGBM',
  'convert it by onnxmltools.convert_xgboost or onnxmltools.convert_lightgbm',
);
const PMML = known('a PMML model', 'export the model that it was made from, as by skl2onnx');
const NUMPY = known('a NumPy array', 'arrays are no model; export the model that they belong to');
const ORT = known('a model in the format of onnxruntime', 'give the .onnx file that it was made from');
const TEXT = known(
  'an ONNX model written as text',
  "write it in binary: onnx.save(onnx.load('model.textproto'), 'model.onnx')",
);
const LFS = known('a pointer of Git LFS, not the file itself', 'fetch the file by git lfs pull');
const PAGE = known('a web page, not a model', 'the download went wrong; fetch the file itself, not the page about it');
const EMPTY = known('empty', 'the download or the export went wrong; do it again');

/** By the last part of the name, where the content does not tell. */
const SUFFIXES: readonly [RegExp, ForeignFormat][] = [
  [/\.tflite$/, TFLITE],
  [/(^|\/)saved_model\.pb(txt)?$/, SAVED_MODEL],
  [/\.pb$/, FROZEN],
  [/\.(h5|hdf5|keras)$/, KERAS],
  [/\.(pt|pth|ckpt|pt2|torchscript)$/, TORCH],
  [/\.(pkl|pickle|joblib|skops)(\.\w+)?$/, PICKLE],
  [/\.safetensors$/, SAFETENSORS],
  [/\.gguf$/, GGUF],
  [/\.(xml|bin)$/, OPENVINO],
  [/\.(mlmodel|mlpackage|mlmodelc)$/, CORE_ML],
  [/\.(ubj|bst|lgb)$/, BOOSTER],
  [/\.np[yz]$/, NUMPY],
  [/\.ort$/, ORT],
];

/** What the first bytes are known by. */
const BEGINNINGS: readonly [RegExp, ForeignFormat][] = [
  [/^....TFL3/s, TFLITE],
  [/^....ORTM/s, ORT],
  [/^\x89HDF\r\n/, KERAS],
  [/^GGUF/, GGUF],
  [/^\x93NUMPY/, NUMPY],
  [/^\x80[\x02-\x05]/, PICKLE],
  [/^.{7}\x00\{\s*"/s, SAFETENSORS],
  [/^\s*(<\?xml[^>]*>\s*)?<net\b/, OPENVINO],
  [/^\s*(<\?xml[^>]*>\s*)?<PMML\b/, PMML],
  [/^\s*<(!doctype html|html)/i, PAGE],
  [/^tree\s+version=/, BOOSTER],
  [/^\s*\{.*"(learner|gradient_booster|version)"/s, BOOSTER],
  [/^\s*(ir_version:|<\s*ir_version|\{\s*"irVersion")/, TEXT],
  [/^version https:\/\/git-lfs/, LFS],
];

/** The format of a file by its first bytes and its name; undefined where it may be ONNX. */
export function foreignFile(path: string, head: Uint8Array): ForeignFormat | undefined {
  if (head.length === 0) return EMPTY;
  const text = Buffer.from(head).toString('latin1');
  const byName = SUFFIXES.find(([suffix]) => suffix.test(path.toLowerCase()))?.[1];
  if (text.startsWith('PK\x03\x04')) return zipFormat(path, text);
  const byContent = BEGINNINGS.find(([beginning]) => beginning.test(text))?.[1];
  // Old checkpoints of PyTorch are pickles, too.
  return byContent === PICKLE ? (byName ?? PICKLE) : (byContent ?? byName);
}

/** The format of a folder by the names in it. */
export function foreignFolder(path: string, names: readonly string[]): ForeignFormat | undefined {
  if (names.some((name) => /^saved_model\.pb(txt)?$/.test(name))) return SAVED_MODEL;
  if (/\.mlpackage\/?$/.test(path) || names.includes('Manifest.json')) return CORE_ML;
  const xml = names.find((name) => name.endsWith('.xml') && names.includes(`${basename(name, '.xml')}.bin`));
  return xml === undefined ? undefined : OPENVINO;
}

/** By the name of the first file within. */
function zipFormat(path: string, text: string): ForeignFormat {
  const length = text.charCodeAt(26) + 256 * text.charCodeAt(27);
  const first = text.slice(30, 30 + length);
  if (/\.npy$/.test(first)) return NUMPY;
  if (/(^|\/)(data\.pkl|byteorder|version|\.format_version|archive_format)$/.test(first)) return TORCH;
  if (/^(metadata|config)\.json$|\.h5$/.test(first)) return KERAS;
  const byName = SUFFIXES.find(([suffix]) => suffix.test(path.toLowerCase()))?.[1];
  return byName ?? known('a zip archive', 'unpack it, and give the .onnx file in it');
}

function known(what: string, hint: string): ForeignFormat {
  return { what, hint };
}
