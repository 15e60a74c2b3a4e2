import { basename } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import { OnnxEditor } from '../../models/onnx/onnxEditor.ts';
import { weightsToFloat16 } from '../../models/optimize/float16.ts';
import { pruneUnits, zeroWeights } from '../../models/optimize/prune.ts';
import { quantizeInt8 } from '../../models/optimize/quantize.ts';
import { type ModelFiles, modelFromBytes, readModelFiles } from '../../models/runtime/modelFiles.ts';
import { openSession } from '../../models/runtime/onnxSession.ts';
import { DEFAULT_RUNTIME } from '../../models/runtime/ortRuntime.ts';
import { formatBytes, formatNumber } from '../../output/format.ts';
import type { CommandContext } from '../command.ts';
import { modelPaths, outPath, writeModel } from './file.ts';

interface Change {
  /** For metadata: 'int8'. */
  readonly how: string;
  /** A line each, for people. */
  readonly lines: readonly string[];
  readonly document: Readonly<Record<string, unknown>>;
  /** Said before the file is used. */
  readonly warning?: string;
}

export async function runModelQuantize(context: CommandContext): Promise<number> {
  const to = (context.flags['to'] as string | undefined) ?? 'int8';
  return await optimize(context, (editor) => {
    const { changed, left } = to === 'int8' ? quantizeInt8(editor) : weightsToFloat16(editor);
    const what = to === 'int8' ? 'in 8 bits' : 'in 16 bits';
    const lines = [
      `${what}: ${changed.join(', ')}`,
      ...left.map(({ node, reason }) => `as it was: ${node} (${reason})`),
    ];
    return { how: to, lines, document: { changed, left } };
  });
}

export async function runModelPrune(context: CommandContext): Promise<number> {
  const { flags } = context;
  const amount = (flags['amount'] as number | undefined) ?? 0.25;
  if (!(amount > 0 && amount < 1)) {
    throw new AnomalyError('ANM_USAGE', `--amount cannot be ${amount}, it is a share between 0 and 1`);
  }
  return await optimize(context, (editor) => {
    if (flags['unstructured'] === true) return unstructured(editor, amount);
    const { changed, left } = pruneUnits(editor, amount);
    const lines = [
      ...changed.map(({ node, before, after }) => `${node}: ${after} of ${before} units`),
      ...left.map(({ node, reason }) => `whole: ${node} (${reason})`),
    ];
    return { how: `pruned ${amount}`, lines, document: { changed, left } };
  });
}

function unstructured(editor: OnnxEditor, amount: number): Change {
  const { zeroed, weights } = zeroWeights(editor, amount);
  return {
    how: `zeroed ${amount}`,
    lines: [`${formatNumber(zeroed)} of ${formatNumber(weights)} weights are 0`],
    document: { zeroed, weights },
    warning: 'single weights of 0 make the model neither smaller nor faster: the runtime multiplies by them, too',
  };
}

/** Reads, changes, tries the outcome in the runtime, and only then writes. */
async function optimize(context: CommandContext, change: (editor: OnnxEditor) => Change): Promise<number> {
  const { args, output, logger } = context;
  const path = outPath(context);
  const [source] = (await modelPaths(context, args.slice(0, 1))) as [string];
  const files = await readModelFiles(source);
  const editor = OnnxEditor.read(source, files.bytes, files.external);
  const { how, lines, document, warning } = change(editor);
  editor.metadata.set('anomaly.optimized', how);
  editor.metadata.set('anomaly.base_sha256', files.sha256);
  const bytes = editor.write();
  await tryOut(basename(path), bytes);
  if (warning !== undefined) logger.warn(warning);
  const digest = await writeModel(path, bytes);
  const before = sizeOf(files);
  await output.document(
    {
      file: path,
      sha256: digest,
      bytes: bytes.length,
      base: source,
      base_sha256: files.sha256,
      base_bytes: before,
      how,
      ...document,
    },
    () =>
      [
        `${path}: ${formatBytes(bytes.length)}, from ${formatBytes(before)}`,
        ...lines.map((line) => `  ${line}`),
        `  anomaly model profile ${args[0]} ${context.flags['out']} says whether to use it`,
      ].join('\n'),
  );
  return 0;
}

/** A model that the runtime does not take is not written. */
async function tryOut(name: string, bytes: Uint8Array): Promise<void> {
  const session = await openSession(modelFromBytes(name, bytes), { ...DEFAULT_RUNTIME, runtime: 'web' });
  await session.release();
}

function sizeOf({ bytes, external }: ModelFiles): number {
  return [...external.values()].reduce((sum, data) => sum + data.length, bytes.length);
}
