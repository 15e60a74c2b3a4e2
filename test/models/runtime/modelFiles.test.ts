import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type AnomalyError, isAnomalyError } from '../../../src/errors.ts';
import { hashFiles } from '../../../src/models/registry/fileHash.ts';
import { modelFromBytes, readModelFiles } from '../../../src/models/runtime/modelFiles.ts';
import { modelBytes, modelPath } from '../fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'anomaly-models-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function refusal(path: string): Promise<AnomalyError> {
  const error = await readModelFiles(path).then(
    () => assert.fail(`${path} was read`),
    (reason: unknown) => reason,
  );
  assert.ok(isAnomalyError(error), String(error));
  return error;
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
  return path;
}

/** A zip archive begins with the header of its first file. */
const zip = (first: string) => `PK\x03\x04${'\0'.repeat(22)}${String.fromCharCode(first.length)}\0\0\0${first}rest`;

test('a model and its external data are read, and hashed together', async () => {
  const plain = await readModelFiles(modelPath('lstm-forecast'));
  assert.equal(plain.sha256, createHash('sha256').update(modelBytes('lstm-forecast')).digest('hex'));
  const { external, sha256 } = await readModelFiles(modelPath('external'));
  const data = readFileSync(`${modelPath('external')}.data`);
  assert.deepEqual([...external], [['external.onnx.data', new Uint8Array(data)]]);
  assert.equal(sha256, createHash('sha256').update(modelBytes('external')).update(data).digest('hex'));
});

test('other formats are named by their content or their name, with what converts them', async () => {
  const cases: [name: string, content: string | Uint8Array, what: RegExp, hint: RegExp][] = [
    ['model.tflite', '\x1c\0\0\0TFL3rest', /a TensorFlow Lite model/, /tf2onnx.convert --tflite/],
    ['renamed.onnx', '\x1c\0\0\0TFL3rest', /a TensorFlow Lite model/, /tf2onnx/],
    ['saved_model.pb', '\x08\x01\x12\x05', /a TensorFlow SavedModel/, /--saved-model/],
    ['frozen.pb', '\x0a\x05', /a TensorFlow graph/, /--graphdef/],
    ['model.pt', zip('model/data.pkl'), /a PyTorch checkpoint/, /torch\.onnx\.export/],
    ['weights.bin', zip('archive/data.pkl'), /a PyTorch checkpoint/, /torch\.onnx\.export/],
    ['old.pth', '\x80\x02\x8a\x0a', /a PyTorch checkpoint/, /torch\.onnx\.export/],
    ['model.pkl', '\x80\x04\x95', /a Python pickle/, /skl2onnx/],
    ['pickled.onnx', '\x80\x05\x95', /a Python pickle/, /skl2onnx/],
    ['model.joblib.gz', '\x1f\x8b\x08', /a Python pickle/, /onnxmltools/],
    ['model.h5', '\x89HDF\r\n\x1a\n', /a Keras model/, /format='onnx'/],
    ['model.keras', zip('metadata.json'), /a Keras model/, /--keras/],
    ['model.gguf', 'GGUF\x03', /a GGUF language model/, /ONNX model that scores/],
    ['model.safetensors', '\x40\0\0\0\0\0\0\0{"__metadata__"', /a safetensors file/, /optimum-cli/],
    [
      'model.xml',
      '<?xml version="1.0"?>\n<net name="m" version="11">',
      /an OpenVINO model/,
      /nothing converts it back/,
    ],
    ['model.bin', 'weights', /an OpenVINO model/, /nothing converts it back/],
    ['trees.json', '{"learner":{"attributes":{}}}', /XGBoost or LightGBM/, /onnxmltools/],
    ['trees.txt', 'tree\nversion=v4\n', /XGBoost or LightGBM/, /onnxmltools/],
    ['score.pmml', '<?xml version="1.0"?><PMML version="4.4">', /a PMML model/, /skl2onnx/],
    ['model.mlmodel', '\x08\x01', /a Core ML model/, /torch\.onnx\.export/],
    ['array.npy', '\x93NUMPY\x01', /a NumPy array/, /no model/],
    ['model.ort', '\x20\0\0\0ORTM', /the format of onnxruntime/, /\.onnx file/],
    ['model.onnx', 'version https://git-lfs.github.com/spec/v1\noid sha256:0', /a pointer of Git LFS/, /git lfs pull/],
    ['page.onnx', '\n<!DOCTYPE html><html>', /a web page/, /download/],
    ['model.textproto', 'ir_version: 8', /written as text/, /onnx\.save/],
    ['models.zip', zip('model.onnx'), /a zip archive/, /unpack/],
    ['empty.onnx', '', /empty/, /again/],
  ];
  for (const [name, content, what, hint] of cases) {
    const error = await refusal(file(name, content));
    assert.equal(error.code, 'ANM_MODEL_FILE', name);
    assert.match(error.message, what, name);
    assert.match(error.message, /cannot read .* as an ONNX model: it is/);
    assert.match(error.hint, hint, name);
  }
});

test('folders are named by what is in them', async () => {
  const make = (name: string, ...files: string[]): string => {
    mkdirSync(join(folder, name));
    for (const each of files) file(join(name, each), 'x');
    return join(folder, name);
  };
  assert.match((await refusal(make('saved', 'saved_model.pb', 'fingerprint.pb'))).message, /a TensorFlow SavedModel/);
  assert.match((await refusal(make('vino', 'm.xml', 'm.bin'))).message, /an OpenVINO model/);
  assert.match((await refusal(make('m.mlpackage', 'Manifest.json'))).message, /a Core ML model/);
  assert.match((await refusal(make('onnx', 'a.onnx', 'b.onnx'))).hint, /a\.onnx, b\.onnx/);
  assert.match((await refusal(make('nothing'))).message, /it is a folder/);
});

test('bytes that are no model, or a part of one, are refused', async () => {
  assert.match((await refusal(file('noise.onnx', 'just some text'))).message, /noise\.onnx as an ONNX model: /);
  const whole = modelBytes('lstm-forecast');
  const cut = await refusal(file('cut.onnx', whole.subarray(0, 500)));
  assert.deepEqual([cut.code, cut.exitCode], ['ANM_MODEL_FILE', 5]);
  assert.match(cut.message, /bytes long, \d+ are left/);
  assert.match((await refusal(join(folder, 'nowhere.onnx'))).message, /ENOENT: no such file or directory/);
});

test('the hash of a model with files beside it is the one that a registry gives it, however they are written', async () => {
  const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)];
  const bytes = modelBytes('lstm-forecast');
  const { sha256 } = modelFromBytes(
    'm.onnx',
    bytes,
    new Map([
      ['./b', b],
      ['a', a],
    ]),
  );
  const files = [
    { path: 'model.onnx', bytes },
    { path: 'b', bytes: b },
    { path: 'a', bytes: a },
  ];
  assert.equal(sha256, (await hashFiles(files)).sha256);
});

test('external data stays in the folder of the model, links included', async () => {
  for (const [name, problem] of [
    ['external-above', /'\.\.\/external\.onnx\.data' is outside the folder/],
    ['external-absolute', /'\/etc\/hostname' is outside the folder/],
    ['external-missing', /'nowhere\.data' is missing/],
    ['external-short', /'external\.onnx\.data' has 12 bytes, V needs 120/],
  ] as const) {
    const error = await refusal(modelPath(name));
    assert.equal(error.code, 'ANM_MODEL_EXTERNAL_DATA');
    assert.match(error.message, problem);
  }
  const inside = join(folder, 'inside');
  mkdirSync(inside);
  copyFileSync(modelPath('external'), join(inside, 'external.onnx'));
  symlinkSync(`${modelPath('external')}.data`, join(inside, 'external.onnx.data'));
  assert.match((await refusal(join(inside, 'external.onnx'))).message, /is a link that leaves the folder/);
  rmSync(join(inside, 'external.onnx.data'));
  mkdirSync(join(inside, 'external.onnx.data'));
  assert.match((await refusal(join(inside, 'external.onnx'))).message, /is not a file/);
  rmSync(join(inside, 'external.onnx.data'), { recursive: true });
  copyFileSync(`${modelPath('external')}.data`, join(inside, 'weights'));
  symlinkSync(join(inside, 'weights'), join(inside, 'external.onnx.data'));
  assert.equal((await readModelFiles(join(inside, 'external.onnx'))).external.size, 1);
});

test('4 GiB of weights are refused by their size, before they are read', async () => {
  copyFileSync(modelPath('external-huge'), join(folder, 'huge.onnx'));
  file('huge.data', '');
  truncateSync(join(folder, 'huge.data'), 2 ** 32);
  const before = process.memoryUsage.rss();
  const error = await refusal(join(folder, 'huge.onnx'));
  assert.equal(error.code, 'ANM_MODEL_TOO_LARGE');
  assert.match(error.message, /needs 4\.0 GiB to load/);
  assert.ok(process.memoryUsage.rss() - before < 2 ** 28);
  const alone = file('alone.onnx', modelBytes('lstm-forecast'));
  truncateSync(alone, 2 ** 31);
  assert.match((await refusal(alone)).message, /has 2\.0 GiB, an ONNX file has less than 2 GiB/);
});

test('a model in memory is checked alike', () => {
  const data = new Uint8Array(readFileSync(`${modelPath('external')}.data`));
  const made = modelFromBytes('mine', modelBytes('external'), new Map([['external.onnx.data', data]]));
  assert.equal(made.model.tensors[0]!.name, 'V');
  assert.throws(() => modelFromBytes('mine', modelBytes('external')), /'external\.onnx\.data' was not given/);
  const short = new Map([['external.onnx.data', data.subarray(4)]]);
  assert.throws(() => modelFromBytes('mine', modelBytes('external'), short), /has 8 bytes, V needs 12/);
  assert.throws(() => modelFromBytes('mine', Buffer.from('GGUF...')), /a GGUF language model/);
});
