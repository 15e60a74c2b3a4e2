import type { EditedNode, OnnxEditor } from '../onnx/onnxEditor.ts';
import { DATA_TYPE } from '../onnx/onnxWriter.ts';
import { longsOf } from '../onnx/storedTensor.ts';
import { describeNode } from './quantize.ts';
import type { UnitEdit } from './unitEdit.ts';

/** Where a layer's units are in a value: along `axis`, from `offset` on. */
export interface UnitPlace {
  readonly value: string;
  /** -1 is the last one, where the number of dimensions is not known. */
  readonly axis: number;
  readonly rank: number | undefined;
  readonly offset: number;
  readonly units: number;
}

/** Thrown inside: why the units cannot be taken out. */
export class Obstacle extends Error {}

/** What works on each number by itself. */
const UNARY = new Set([
  ...['Relu', 'Tanh', 'Sigmoid', 'LeakyRelu', 'Elu', 'Selu', 'Celu', 'Gelu', 'Erf', 'Abs', 'Neg', 'Exp', 'Sqrt'],
  ...['Softplus', 'Softsign', 'Identity', 'Dropout', 'Clip', 'HardSigmoid', 'HardSwish', 'Mish', 'ThresholdedRelu'],
]);
const BINARY = new Set(['Add', 'Sub', 'Mul', 'Div']);
const RECURRENT = new Set(['LSTM', 'GRU', 'RNN']);
const REDUCING = new Set(['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceL2']);

/**
 * Follows a layer's units to the weights that read them, through operators that leave them where they are or move them
 * as a whole.
 * @throws Obstacle that names the operator, or the output, which stands against it
 */
export function unitReaders(editor: OnnxEditor, place: UnitPlace): UnitEdit[] {
  const { value } = place;
  if (editor.outputs.some(({ name }) => name === value)) throw new Obstacle(`${value} is an output of the model`);
  const edits: UnitEdit[] = [];
  for (const node of editor.nodes) {
    for (const { graphInputs } of node.attributes.values()) {
      if (graphInputs?.includes(value) === true)
        throw new Obstacle(`a graph within ${describeNode(node)} reads ${value}`);
    }
    node.inputs.forEach((input, index) => {
      if (input === value) edits.push(...readerEdits(editor, node, index, place));
    });
  }
  return edits;
}

function readerEdits(editor: OnnxEditor, node: EditedNode, index: number, place: UnitPlace): UnitEdit[] {
  const { op, domain } = node;
  if (domain === '') {
    if (UNARY.has(op) && index === 0) return unitReaders(editor, { ...place, value: node.outputs[0]! });
    if (BINARY.has(op)) return binary(editor, node, index, place);
    if (RECURRENT.has(op) && index === 0) return weightRows(editor, node, 1, 2, place);
    if (op === 'MatMul' && index === 0) return weightRows(editor, node, 1, 0, place);
    if (op === 'Gemm' && index === 0 && (node.attributes.get('transA')?.int ?? 0) === 0) {
      return weightRows(editor, node, 1, node.attributes.get('transB')?.int === 1 ? 1 : 0, place);
    }
    const moved = index === 0 || op === 'Concat' ? move(editor, node, index, place) : undefined;
    if (moved !== undefined) return unitReaders(editor, moved);
  }
  throw new Obstacle(`${describeNode(node)} reads the units`);
}

/** The weights that multiply the units; the units have to be the last dimension. */
function weightRows(
  editor: OnnxEditor,
  node: EditedNode,
  input: number,
  axis: number,
  { axis: at, rank, offset, units }: UnitPlace,
): UnitEdit[] {
  if (at !== -1 && at !== rank! - 1) throw new Obstacle(`${describeNode(node)} reads the units as another dimension`);
  return [weightEdit(editor, node, input, { axis, units, groups: 1, offset, side: 'out' })];
}

/** An edit of a node's weights. @throws Obstacle where they are no constant, or another node's too */
export function weightEdit(
  editor: OnnxEditor,
  node: EditedNode,
  input: number,
  edit: Omit<UnitEdit, 'tensor'>,
): UnitEdit {
  const tensor = node.inputs[input] ?? '';
  const source = editor.tensor(tensor);
  if (source === undefined) throw new Obstacle(`input ${tensor} of ${describeNode(node)} is no constant`);
  if (source.type !== DATA_TYPE.float) throw new Obstacle(`${tensor} is no float32`);
  if (editor.readers(tensor) > 1)
    throw new Obstacle(`${tensor} is read by other nodes than ${describeNode(node)}, too`);
  if (source.dims[edit.axis] === undefined || source.dims[edit.axis]! < edit.offset + edit.groups * edit.units) {
    throw new Obstacle(`${tensor} has the dimensions ${source.dims.join(' x ')}`);
  }
  return { ...edit, tensor };
}

/** With a constant of one number, or of one number a unit. */
function binary(editor: OnnxEditor, node: EditedNode, index: number, place: UnitPlace): UnitEdit[] {
  const other = node.inputs[1 - index]!;
  const source = other === place.value ? undefined : editor.tensor(other);
  if (source === undefined) throw new Obstacle(`${describeNode(node)} joins the units with ${other}`);
  const { axis, rank, offset, units } = place;
  const further = unitReaders(editor, { ...place, value: node.outputs[0]! });
  const fromEnd = axis === -1 ? 1 : rank! - axis;
  const at = source.dims.length - fromEnd;
  // A dimension that is missing or 1 is spread over all units.
  if (at < 0 || source.dims[at] === 1) return further;
  const edit = weightEdit(editor, node, 1 - index, { axis: at, units, groups: 1, offset, side: 'in' });
  return [edit, ...further];
}

/** Where the units are in the output of what only moves them; undefined for other operators. */
function move(editor: OnnxEditor, node: EditedNode, index: number, place: UnitPlace): UnitPlace | undefined {
  const { op, attributes } = node;
  const value = node.outputs[0]!;
  if (op === 'Transpose') {
    const perm = attributes.get('perm')?.ints;
    if (perm === undefined) return undefined;
    const from = place.axis === -1 ? perm.length - 1 : place.axis;
    return { ...place, value, rank: perm.length, axis: perm.indexOf(from) };
  }
  if (op === 'Concat') return concat(node, index, place);
  const { axis, rank } = place;
  if (rank === undefined) return undefined;
  const normal = (each: number) => (each < 0 ? each + rank : each);
  if (op === 'Squeeze' || REDUCING.has(op)) {
    const axes = axesOf(editor, node, 1)?.map(normal);
    if (axes === undefined || axes.includes(axis)) return undefined;
    if (op !== 'Squeeze' && (attributes.get('keepdims')?.int ?? 1) === 1) return { ...place, value };
    return { ...place, value, rank: rank - axes.length, axis: axis - axes.filter((each) => each < axis).length };
  }
  if (op === 'Slice') {
    const axes = axesOf(editor, node, 3)?.map(normal);
    return axes === undefined || axes.includes(axis) ? undefined : { ...place, value };
  }
  if (op === 'Tile') {
    const repeats = editor.tensor(node.inputs[1] ?? '');
    return repeats !== undefined && longsOf(repeats)[axis] === 1 ? { ...place, value } : undefined;
  }
  if (op !== 'Gather') return undefined;
  const indices = editor.tensor(node.inputs[1] ?? '');
  const along = normal(attributes.get('axis')?.int ?? 0);
  if (indices === undefined || along === axis) return undefined;
  const grown = indices.dims.length - 1;
  return { ...place, value, rank: rank + grown, axis: along < axis ? axis + grown : axis };
}

/** Behind others along their own dimension the units begin where nobody knows. */
function concat(node: EditedNode, index: number, place: UnitPlace): UnitPlace | undefined {
  const { axis, rank } = place;
  const along = node.attributes.get('axis')?.int ?? 0;
  const isLast = axis === -1 ? along === -1 : along === axis || along === axis - rank!;
  return isLast && index === 0 ? { ...place, value: node.outputs[0]! } : undefined;
}

/** Axes of an attribute, as older opsets have them, or of a constant input. */
function axesOf(editor: OnnxEditor, node: EditedNode, input: number): readonly number[] | undefined {
  const ints = node.attributes.get('axes')?.ints;
  if (ints !== undefined) return ints;
  const tensor = editor.tensor(node.inputs[input] ?? '');
  return tensor === undefined || tensor.type !== DATA_TYPE.int64 ? undefined : longsOf(tensor);
}
