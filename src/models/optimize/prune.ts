import { AnomalyError } from '../../errors.ts';
import { changedNode, type EditedNode, type OnnxEditor } from '../onnx/onnxEditor.ts';
import { DATA_TYPE, floatTensor } from '../onnx/onnxWriter.ts';
import { decodeTensor, floatsOf } from '../onnx/storedTensor.ts';
import { describeNode } from './quantize.ts';
import { addSquares, keepUnits, type UnitEdit } from './unitEdit.ts';
import { Obstacle, unitReaders, weightEdit } from './unitReaders.ts';

export interface PruneReport {
  readonly changed: readonly { readonly node: string; readonly before: number; readonly after: number }[];
  /** Layers that stay whole, with the reason. */
  readonly left: readonly { readonly node: string; readonly reason: string }[];
}

interface Layer {
  readonly units: number;
  readonly edits: readonly UnitEdit[];
}

/** Gates of a recurrent layer, which its weights have one after the other. */
const GATES: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 };
const LAYERS = new Set([...Object.keys(GATES), 'Gemm', 'MatMul', 'Conv', 'ConvTranspose']);

/**
 * Takes out of each layer the share `amount` of its units whose weights, coming in times going out, are the smallest:
 * the matrices become smaller, so it is faster. A layer of whose units something else than weights makes use stays whole.
 * Source: Li et al. (2017), Pruning filters for efficient ConvNets, for dense and recurrent layers.
 * @throws ANM_MODEL_OPTIMIZE where no layer can be pruned
 */
export function pruneUnits(editor: OnnxEditor, amount: number): PruneReport {
  editor.promoteConstants();
  const changed: { node: string; before: number; after: number }[] = [];
  const left: { node: string; reason: string }[] = [];
  for (let i = 0; i < editor.nodes.length; i++) {
    const node = editor.nodes[i]!;
    if (!LAYERS.has(node.op) || node.domain !== '') continue;
    try {
      const layer = layerOf(editor, node);
      const after = Math.max(1, layer.units - Math.floor(amount * layer.units));
      if (after === layer.units) throw new Obstacle(`of ${layer.units} units, ${amount} are less than one`);
      const kept = strongest(editor, layer, after);
      for (const edit of layer.edits) editor.setTensor(keepUnits(editor.tensor(edit.tensor)!, edit, kept));
      if (node.op in GATES) editor.nodes[i] = changedNode(node, { attributes: { hidden_size: { integer: after } } });
      changed.push({ node: describeNode(node), before: layer.units, after });
    } catch (error) {
      if (!(error instanceof Obstacle)) throw error;
      left.push({ node: describeNode(node), reason: error.message });
    }
  }
  if (changed.length > 0) {
    editor.dropValueInfo();
    return { changed, left };
  }
  const why = left.map(({ node, reason }) => `${node}: ${reason}`).join('; ');
  const ops = [...new Set(editor.nodes.map(({ op }) => op))].sort().join(', ');
  throw new AnomalyError(
    'ANM_MODEL_OPTIMIZE',
    `cannot prune as ${why === '' ? `none of its operators has units that can go: ${ops}` : why}`,
    { hint: 'layers can be LSTM, GRU, RNN, Gemm and MatMul, whose output only goes to such ones', details: { left } },
  );
}

/** Sets the share `amount` of all weights, the smallest ones, to 0. Sizes stay, and so does the time that it takes. */
export function zeroWeights(editor: OnnxEditor, amount: number): { readonly zeroed: number; readonly weights: number } {
  editor.promoteConstants();
  const tensors = [...editor.initializers.values()]
    .map((stored) => decodeTensor(stored))
    .filter(({ dims, type }) => type === DATA_TYPE.float && dims.filter((dim) => dim > 1).length >= 2);
  const sizes = Float32Array.from(tensors.flatMap((tensor) => [...floatsOf(tensor)].map(Math.abs))).sort();
  if (sizes.length === 0) {
    throw new AnomalyError('ANM_MODEL_OPTIMIZE', 'cannot prune as the model has no float32 matrix');
  }
  const count = Math.floor(amount * sizes.length);
  const bound = count === 0 ? -1 : sizes[count - 1]!;
  let zeroed = 0;
  for (const tensor of tensors) {
    const values = floatsOf(tensor);
    for (let i = 0; i < values.length && zeroed < count; i++) {
      if (Math.abs(values[i]!) > bound) continue;
      values[i] = 0;
      zeroed++;
    }
    editor.setTensor(floatTensor(tensor.name, tensor.dims, values));
  }
  return { zeroed, weights: sizes.length };
}

/** @throws Obstacle */
function layerOf(editor: OnnxEditor, node: EditedNode): Layer {
  if (node.op in GATES) return recurrentLayer(editor, node, GATES[node.op]!);
  if (node.op === 'Gemm' || node.op === 'MatMul') return denseLayer(editor, node);
  throw new Obstacle(`there is no pruning of ${node.op} here`);
}

/** W [1, gates H, I], R [1, gates H, H], B [1, 2 gates H], initial_h and initial_c [1, B, H], P [1, 3H]. */
function recurrentLayer(editor: OnnxEditor, node: EditedNode, gates: number): Layer {
  const { attributes, inputs, outputs } = node;
  if (attributes.get('direction')?.text === 'bidirectional') throw new Obstacle('it goes both ways');
  if ((attributes.get('layout')?.int ?? 0) !== 0) throw new Obstacle('layout is 1');
  const units = editor.tensor(inputs[2] ?? '')?.dims[2];
  if (units === undefined) throw new Obstacle('its weights are no constants of the graph');
  const edit = (input: number, axis: number, groups: number, side: 'in' | 'out'): UnitEdit =>
    weightEdit(editor, node, input, { axis, units, groups, offset: 0, side });
  const edits = [edit(1, 1, gates, 'in'), edit(2, 1, gates, 'in'), edit(2, 2, 1, 'out')];
  if (has(node, 3)) edits.push(edit(3, 1, 2 * gates, 'in'));
  for (const input of [5, 6]) if (has(node, input)) edits.push(edit(input, 2, 1, 'in'));
  if (has(node, 7)) edits.push(edit(7, 1, 3, 'in'));
  outputs.forEach((value, i) => {
    if (value === '') return;
    const rank = i === 0 ? 4 : 3;
    edits.push(...unitReaders(editor, { value, rank, axis: rank - 1, offset: 0, units }));
  });
  return { units, edits: once(edits) };
}

function denseLayer(editor: OnnxEditor, node: EditedNode): Layer {
  const isGemm = node.op === 'Gemm';
  const axis = isGemm && node.attributes.get('transB')?.int === 1 ? 0 : 1;
  const weight = editor.tensor(node.inputs[1] ?? '');
  if (weight === undefined) throw new Obstacle('its weights are no constants of the graph');
  if (weight.dims.length !== 2) throw new Obstacle(`its weights have ${weight.dims.length} dimensions`);
  const units = weight.dims[axis]!;
  const edits = [weightEdit(editor, node, 1, { axis, units, groups: 1, offset: 0, side: 'in' })];
  if (isGemm && has(node, 2)) {
    const dims = editor.tensor(node.inputs[2]!)?.dims;
    if (dims === undefined) throw new Obstacle(`its bias ${node.inputs[2]} is no constant`);
    if (dims.at(-1) === units && dims.length > 0) {
      edits.push(weightEdit(editor, node, 2, { axis: dims.length - 1, units, groups: 1, offset: 0, side: 'in' }));
    }
  }
  const place = isGemm ? { rank: 2, axis: 1 } : { rank: undefined, axis: -1 };
  edits.push(...unitReaders(editor, { ...place, value: node.outputs[0]!, offset: 0, units }));
  return { units, edits: once(edits) };
}

function has({ inputs }: EditedNode, index: number): boolean {
  return (inputs[index] ?? '') !== '';
}

/** Two ways to one tensor would take its units out twice. */
function once(edits: readonly UnitEdit[]): readonly UnitEdit[] {
  const seen = new Set<string>();
  for (const { tensor, axis } of edits) {
    const key = `${axis} ${tensor}`;
    if (seen.has(key)) throw new Obstacle(`its units come to ${tensor} on two ways`);
    seen.add(key);
  }
  if (!edits.some(({ side }) => side === 'out')) throw new Obstacle('no weights read its units');
  return edits;
}

/** The units to keep, ascending. */
function strongest(editor: OnnxEditor, { units, edits }: Layer, count: number): number[] {
  const squares = { in: new Float64Array(units), out: new Float64Array(units) };
  for (const edit of edits) addSquares(editor.tensor(edit.tensor)!, edit, squares[edit.side]);
  const strength = Float64Array.from({ length: units }, (_, i) => squares.in[i]! * squares.out[i]!);
  const order = Array.from({ length: units }, (_, i) => i).sort((a, b) => strength[b]! - strength[a]! || a - b);
  return order.slice(0, count).sort((a, b) => a - b);
}
