import type { Command } from '../command.ts';

export const modelPrune: Command = {
  name: 'model prune',
  group: 'Setup',
  summary: 'Take the weakest units out of an ONNX model',
  description:
    'Of each LSTM, GRU, RNN, Gemm and MatMul whose output only goes to such layers, the share --amount of the units with\n' +
    'the smallest weights is taken out: the matrices become smaller, so it is faster, and a little less exact. Layers that\n' +
    'stay whole are listed with the operator that stands against it. --unstructured sets single weights to 0 instead; that\n' +
    'makes nothing faster, as the runtime multiplies by zeros, too. anomaly model profile FILE OUT says what it did.',
  arguments: [{ name: 'file', summary: 'ONNX file, or models:/NAME@ALIAS of the registry', required: true }],
  options: [
    { flags: '--out <file>', summary: 'file to write; required', type: 'string' },
    { flags: '--amount <share>', summary: 'share of the units, or weights, that goes', type: 'number', default: 0.25 },
    { flags: '--unstructured', summary: 'set the smallest weights to 0 instead', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly model prune pump.onnx --amount 0.5 --out pump-half.onnx', comment: 'half of the units' },
    {
      command: 'anomaly model prune models:/pump@champion --out pump-smaller.onnx -o json',
      comment: 'a quarter of them, of a model of the registry',
    },
  ],
  run: async (context) => {
    const { runModelPrune } = await import('./optimizeRun.ts');
    return await runModelPrune(context);
  },
};
