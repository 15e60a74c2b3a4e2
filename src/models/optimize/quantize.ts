import { AnomalyError } from '../../errors.ts';
import { type EditedNode, newNode, type OnnxEditor } from '../onnx/onnxEditor.ts';
import { type AttributeValue, DATA_TYPE, floatTensor, type TensorSource } from '../onnx/onnxWriter.ts';
import { floatsOf } from '../onnx/storedTensor.ts';
import { quantizeColumns, WEIGHT_ZERO } from './quantizeWeights.ts';

export interface OptimizeReport {
  /** Nodes that were changed, as 'LSTM lstm_1'. */
  readonly changed: readonly string[];
  /** Nodes with weights that stay as they are, with the reason. */
  readonly left: readonly { readonly node: string; readonly reason: string }[];
}

/** Operators whose weights take part in a product: those that are left are worth a word. */
const WITH_WEIGHTS = new Set(['MatMul', 'Gemm', 'LSTM', 'GRU', 'RNN', 'Conv', 'ConvTranspose']);
const MICROSOFT = 'com.microsoft';

/**
 * Dynamic quantisation to 8 bits: weights are kept in bytes, and what they are multiplied with is brought to bytes at
 * each run. MatMul and Gemm become DynamicQuantizeLinear and MatMulInteger; LSTM becomes onnxruntime's
 * DynamicQuantizeLSTM. All other operators stay as they are.
 * @throws ANM_MODEL_OPTIMIZE where nothing can be quantised
 */
export function quantizeInt8(editor: OnnxEditor): OptimizeReport {
  editor.promoteConstants();
  const quantizer = new Int8Quantizer(editor);
  const report = quantizer.run();
  if (report.changed.length > 0) return report;
  const why = report.left.map(({ node, reason }) => `${node}: ${reason}`).join('; ');
  const ops = [...new Set(editor.nodes.map(({ op }) => op))].sort().join(', ');
  throw new AnomalyError(
    'ANM_MODEL_OPTIMIZE',
    `cannot quantize as ${why === '' ? `none of its operators can be: ${ops}` : why}`,
    { hint: 'int8 is for MatMul, Gemm and LSTM with constant weights; --to float16 takes weights of any operator' },
  );
}

class Int8Quantizer {
  readonly #editor: OnnxEditor;
  readonly #names: Set<string>;
  readonly #left: { node: string; reason: string }[] = [];
  /** Weights that quantised nodes read no more. */
  readonly #replaced = new Set<string>();
  /** Quantised inputs by value: two nodes that read one value share its quantisation. */
  readonly #quantizedInputs = new Map<string, string>();

  constructor(editor: OnnxEditor) {
    this.#editor = editor;
    this.#names = new Set([
      ...editor.initializers.keys(),
      ...editor.nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]),
      ...[...editor.inputs, ...editor.outputs].map(({ name }) => name),
    ]);
  }

  run(): OptimizeReport {
    const editor = this.#editor;
    const changed: string[] = [];
    editor.nodes = editor.nodes.flatMap((node) => {
      if (node.domain !== '' || !WITH_WEIGHTS.has(node.op)) return [node];
      const made = this.#quantize(node);
      if (typeof made === 'string') {
        this.#left.push({ node: describeNode(node), reason: made });
        return [node];
      }
      changed.push(describeNode(node));
      return made;
    });
    for (const name of this.#replaced) if (editor.readers(name) === 0) editor.dropTensor(name);
    return { changed, left: this.#left };
  }

  /** The nodes in its place, or why it stays. */
  #quantize(node: EditedNode): EditedNode[] | string {
    if (node.op === 'MatMul') return this.#matMul(node);
    if (node.op === 'Gemm') return this.#gemm(node);
    if (node.op === 'LSTM') return this.#lstm(node);
    return `there is no 8-bit form of ${node.op} here`;
  }

  #matMul(node: EditedNode): EditedNode[] | string {
    const weight = this.#weight(node.inputs[1], 2);
    if (typeof weight === 'string') return weight;
    const [rows, columns] = weight.dims as [number, number];
    return this.#product(node, weight, rows, columns, (row, column) => row * columns + column, 1, undefined);
  }

  #gemm(node: EditedNode): EditedNode[] | string {
    const { attributes, inputs } = node;
    const weight = this.#weight(inputs[1], 2);
    if (typeof weight === 'string') return weight;
    if ((attributes.get('transA')?.int ?? 0) !== 0) return 'transA is set';
    const bias = inputs[2] ?? '';
    if (bias !== '' && (attributes.get('beta')?.float ?? 1) !== 1) return 'beta is not 1';
    const isTransposed = (attributes.get('transB')?.int ?? 0) !== 0;
    const [first, second] = weight.dims as [number, number];
    const [rows, columns] = isTransposed ? [second, first] : [first, second];
    const at = isTransposed
      ? (row: number, column: number) => column * rows + row
      : (row: number, column: number) => row * columns + column;
    const alpha = attributes.get('alpha')?.float ?? 1;
    return this.#product(node, weight, rows, columns, at, alpha, bias === '' ? undefined : bias);
  }

  /** input x weight, times alpha, plus bias. */
  #product(
    node: EditedNode,
    weight: TensorSource,
    rows: number,
    columns: number,
    at: (row: number, column: number) => number,
    alpha: number,
    bias: string | undefined,
  ): EditedNode[] {
    const editor = this.#editor;
    const { values, scales } = quantizeColumns(floatsOf(weight), rows, columns, at);
    const base = this.#name(`${weight.name}.int8`);
    const zero = this.#name(`${base}.zero`);
    const scale = this.#name(`${base}.scale`);
    editor.setTensor({ name: base, dims: [rows, columns], type: DATA_TYPE.uint8, data: values });
    editor.setTensor(byteTensor(zero, []));
    editor.setTensor(
      floatTensor(
        scale,
        [columns],
        scales.map((each) => each * alpha),
      ),
    );
    this.#replaced.add(weight.name);
    const [quantized, nodes] = this.#quantizedInput(node.inputs[0]!);
    const out = node.outputs[0]!;
    const [sums, floats, by] = ['sums', 'floats', 'by'].map((part) => this.#name(`${out}.${part}`)) as [
      string,
      string,
      string,
    ];
    const product = bias === undefined ? out : this.#name(`${out}.product`);
    nodes.push(
      newNode({
        op: 'MatMulInteger',
        inputs: [quantized, base, `${quantized}.zero`, zero],
        outputs: [sums],
      }),
      newNode({ op: 'Cast', inputs: [sums], outputs: [floats], attributes: { to: { integer: DATA_TYPE.float } } }),
      newNode({ op: 'Mul', inputs: [`${quantized}.scale`, scale], outputs: [by] }),
      newNode({ op: 'Mul', inputs: [floats, by], outputs: [product] }),
    );
    if (bias !== undefined) nodes.push(newNode({ op: 'Add', inputs: [product, bias], outputs: [out] }));
    return nodes;
  }

  /** Name of the quantised value, with `.scale` and `.zero` beside it, and the node that makes them, the first time. */
  #quantizedInput(input: string): [string, EditedNode[]] {
    const known = this.#quantizedInputs.get(input);
    if (known !== undefined) return [known, []];
    const name = this.#name(`${input}.quantized`);
    this.#quantizedInputs.set(input, name);
    const outputs = [name, this.#name(`${name}.scale`), this.#name(`${name}.zero`)];
    return [name, [newNode({ op: 'DynamicQuantizeLinear', inputs: [input], outputs })]];
  }

  #lstm(node: EditedNode): EditedNode[] | string {
    const [x = '', w, r, ...rest] = node.inputs;
    const weight = this.#weight(w, 3);
    if (typeof weight === 'string') return weight;
    const recurrent = this.#weight(r, 3);
    if (typeof recurrent === 'string') return recurrent;
    if ((node.attributes.get('layout')?.int ?? 0) !== 0) return 'layout is 1';
    const others = Array.from({ length: 5 }, (_, i) => rest[i] ?? '');
    const [wName, wScale, wZero] = this.#gateMatrix(weight);
    const [rName, rScale, rZero] = this.#gateMatrix(recurrent);
    this.#editor.opsets.set(MICROSOFT, 1);
    const attributes = passedAttributes(node);
    return [
      newNode({
        op: 'DynamicQuantizeLSTM',
        domain: MICROSOFT,
        name: node.name,
        inputs: [x, wName, rName, ...others, wScale, wZero, rScale, rZero],
        outputs: node.outputs,
        attributes,
      }),
    ];
  }

  /** [directions, 4H, K] becomes [directions, K, 4H] in bytes, with a scale for each gate's unit. */
  #gateMatrix(tensor: TensorSource): [string, string, string] {
    const [directions, gates, inputs] = tensor.dims as [number, number, number];
    const values = floatsOf(tensor);
    const bytes = new Uint8Array(values.length);
    const scales = new Float32Array(directions * gates);
    for (let d = 0; d < directions; d++) {
      const from = d * gates * inputs;
      const matrix = quantizeColumns(values, inputs, gates, (row, column) => from + column * inputs + row);
      bytes.set(matrix.values, from);
      scales.set(matrix.scales, d * gates);
    }
    const name = this.#name(`${tensor.name}.int8`);
    const scale = this.#name(`${name}.scale`);
    const zero = this.#name(`${name}.zero`);
    this.#editor.setTensor({ name, dims: [directions, inputs, gates], type: DATA_TYPE.uint8, data: bytes });
    this.#editor.setTensor(floatTensor(scale, [directions, gates], scales));
    this.#editor.setTensor(byteTensor(zero, [directions, gates]));
    this.#replaced.add(tensor.name);
    return [name, scale, zero];
  }

  #weight(name: string | undefined, rank: number): TensorSource | string {
    if (name === undefined || !this.#editor.initializers.has(name)) return 'its weights are no constants of the graph';
    const tensor = this.#editor.tensor(name)!;
    if (tensor.type !== DATA_TYPE.float) return `its weights ${name} are no float32`;
    return tensor.dims.length === rank ? tensor : `its weights ${name} have ${tensor.dims.length} dimensions`;
  }

  /** A name that nothing has yet. */
  #name(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#names.has(name); i++) name = `${wanted}.${i}`;
    this.#names.add(name);
    return name;
  }
}

/** Attributes that LSTM and DynamicQuantizeLSTM share. */
function passedAttributes({ attributes }: EditedNode): Record<string, AttributeValue> {
  const passed: Record<string, AttributeValue> = {};
  for (const [name, { int, float, text, floats, texts }] of attributes) {
    if (name === 'layout') continue;
    if (floats !== undefined) passed[name] = { floats };
    else if (texts !== undefined) passed[name] = { texts };
    else if (text !== undefined) passed[name] = { text };
    else if (int !== undefined) passed[name] = { integer: int };
    else if (float !== undefined) passed[name] = { float };
  }
  return passed;
}

function byteTensor(name: string, dims: readonly number[]): TensorSource {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return { name, dims, type: DATA_TYPE.uint8, data: new Uint8Array(count).fill(WEIGHT_ZERO) };
}

export function describeNode({ op, name, outputs }: EditedNode): string {
  return `${op} ${name || outputs.find((output) => output !== '') || ''}`.trimEnd();
}
