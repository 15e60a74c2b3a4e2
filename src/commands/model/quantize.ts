import type { Command } from '../command.ts';

export const modelQuantize: Command = {
  name: 'model quantize',
  group: 'Setup',
  summary: 'Make an ONNX model smaller: weights in 8 or 16 bits',
  description:
    'int8 keeps the weights of LSTM, MatMul and Gemm in bytes, and brings what they are multiplied with to bytes at each\n' +
    'run; other operators stay as they are, and are listed. float16 keeps weights of any operator in 16 bits and computes\n' +
    'in 32, as before. What int8 does to speed depends on the runtime: in WebAssembly it is often slower, so measure it\n' +
    'by anomaly model profile FILE OUT before it is used.',
  arguments: [{ name: 'file', summary: 'ONNX file, or models:/NAME@ALIAS of the registry', required: true }],
  options: [
    { flags: '--out <file>', summary: 'file to write; required', type: 'string' },
    {
      flags: '--to <type>',
      summary: 'type of the weights',
      type: 'string',
      choices: ['int8', 'float16'],
      default: 'int8',
    },
  ],
  examples: [
    { command: 'anomaly model quantize pump.onnx --out pump-int8.onnx', comment: 'dynamic quantisation to 8 bits' },
    { command: 'anomaly model quantize pump.onnx --to float16 --out pump-f16.onnx', comment: 'half the file' },
  ],
  run: async (context) => {
    const { runModelQuantize } = await import('./optimizeRun.ts');
    return await runModelQuantize(context);
  },
};
