import type { ArgumentSpec, Command, OptionSpec } from '../command.ts';

/** The verbs of `anomaly model` that read and change the registry. */

export const REGISTRY_OPTION: OptionSpec = {
  flags: '--registry <url>',
  summary: 'directory, s3://BUCKET/PREFIX, or http://HOST:PORT of MLflow',
  key: 'models.registry',
};
const NAME: ArgumentSpec = { name: 'name', summary: 'name of the model', required: true };
const ALIAS: OptionSpec = { flags: '--alias <name>', summary: 'alias to set', type: 'string', default: 'champion' };

const modelLs: Command = {
  name: 'model ls',
  group: 'Inspect',
  summary: 'List the models of the registry, or the versions of one',
  description:
    'Without NAME one row a model: its versions and what its aliases point at. With NAME one row a version, newest first.\n' +
    'The registry is a directory unless models.registry (--registry) names a bucket of S3 or MinIO, or an MLflow server.',
  arguments: [{ name: 'name', summary: 'name of a model' }],
  options: [REGISTRY_OPTION],
  examples: [
    { command: 'anomaly model ls', comment: 'every model, with its aliases' },
    { command: 'anomaly model ls pump-lstm --registry s3://models/plant', comment: 'the versions of one, in a bucket' },
    { command: 'anomaly model ls -o json --registry http://mlflow:5000', comment: 'for scripts, of MLflow' },
  ],
  run: async (context) => {
    const { runModelLs } = await import('./ls.ts');
    return await runModelLs(context);
  },
};

const modelShow: Command = {
  name: 'model show',
  group: 'Inspect',
  summary: 'Show a model, one of its versions, or what an alias points at',
  description:
    'NAME alone shows the model: its aliases, who set each and when, what a rollback would go back to, and its newest\n' +
    'version. NAME@ALIAS and NAME/VERSION show that version: files with sha256, inputs and outputs, what it was trained\n' +
    'on, metrics.',
  arguments: [{ name: 'model', summary: 'NAME, NAME@ALIAS or NAME/VERSION', required: true }],
  options: [REGISTRY_OPTION],
  examples: [
    { command: 'anomaly model show pump-lstm', comment: 'aliases and newest version' },
    { command: 'anomaly model show pump-lstm@champion', comment: 'what runs' },
    { command: 'anomaly model show pump-lstm/3 -o json', comment: 'one version, for scripts' },
  ],
  run: async (context) => {
    const { runModelShow } = await import('./show.ts');
    return await runModelShow(context);
  },
};

const modelAdd: Command = {
  name: 'model add',
  group: 'Setup',
  summary: 'Add an ONNX file to the registry, as the next version of a model',
  description:
    'The file is read first: what is no ONNX model is refused by name, with the converter to use. Files of weights beside\n' +
    'it go with it. Inputs, outputs and what anomaly model train wrote into the file (kind, window, fields, training range)\n' +
    'are kept with the version. A version is never changed, and it is there only once all of its files are.',
  arguments: [{ name: 'file', summary: 'ONNX file', required: true }],
  options: [
    { flags: '--name <name>', summary: 'name of the model; default that of the file', type: 'string' },
    { flags: '--alias <name>', summary: 'alias to set to the new version, as challenger', type: 'string' },
    {
      flags: '--metric <name=number>',
      summary: 'a figure to keep with the version, as f1=0.91',
      type: 'list',
      repeatable: true,
    },
    { flags: '--description <text>', summary: 'words to keep with the version', type: 'string' },
    REGISTRY_OPTION,
  ],
  examples: [
    { command: 'anomaly model add pump.onnx --name pump-lstm', comment: 'its next version' },
    {
      command: 'anomaly model add pump.onnx --name pump-lstm --alias challenger --metric f1=0.91',
      comment: 'to be compared with the champion',
    },
  ],
  run: async (context) => {
    const { runModelAdd } = await import('./add.ts');
    return await runModelAdd(context);
  },
};

const modelPromote: Command = {
  name: 'model promote',
  group: 'Setup',
  summary: 'Set an alias to a version',
  description:
    'Compare-and-set: where somebody else has set the alias since it was read, or it is not at --expect, nothing is set and\n' +
    'both sides are named (exit 1). MLflow has no compare-and-set: there the alias is read before and after, and a foreign\n' +
    'change is reported; of two that set it within the same few milliseconds the later one wins, and the earlier may not\n' +
    'be told.',
  arguments: [NAME, { name: 'version', summary: 'number of the version', required: true }],
  options: [
    ALIAS,
    {
      flags: '--expect <version>',
      summary: 'only where the alias is at this version; none for no alias',
      type: 'string',
    },
    REGISTRY_OPTION,
  ],
  examples: [
    { command: 'anomaly model promote pump-lstm 4', comment: 'version 4 is the champion' },
    { command: 'anomaly model promote pump-lstm 4 --expect 3', comment: 'only where the champion is still version 3' },
    { command: 'anomaly model promote pump-lstm 5 --alias challenger', comment: 'another alias' },
  ],
  run: async (context) => {
    const { runModelPromote } = await import('./promote.ts');
    return await runModelPromote(context);
  },
};

const modelRollback: Command = {
  name: 'model rollback',
  group: 'Setup',
  summary: 'Set an alias back to the version it pointed at before',
  description:
    'A second rollback goes one further back. Versions that were removed since are passed over. The history of an alias is\n' +
    'kept with it: anomaly model show NAME has it.',
  arguments: [NAME],
  options: [ALIAS, REGISTRY_OPTION],
  examples: [
    { command: 'anomaly model rollback pump-lstm', comment: 'the former champion is the champion again' },
    { command: 'anomaly model rollback pump-lstm --alias challenger', comment: 'another alias' },
  ],
  run: async (context) => {
    const { runModelRollback } = await import('./promote.ts');
    return await runModelRollback(context);
  },
};

const modelRm: Command = {
  name: 'model rm',
  group: 'Setup',
  summary: 'Remove a version of a model, or an alias',
  description:
    'A version is refused while an alias points at it. Its files go; its number is not given again. NAME@ALIAS takes the\n' +
    'alias away, and no version.',
  arguments: [{ name: 'model', summary: 'NAME/VERSION or NAME@ALIAS', required: true }],
  options: [
    { flags: '--dry-run', summary: 'say what would be done, and do nothing', type: 'boolean' },
    { flags: '--yes', summary: 'do not ask', type: 'boolean' },
    REGISTRY_OPTION,
  ],
  examples: [
    { command: 'anomaly model rm pump-lstm/2', comment: 'asks first' },
    { command: 'anomaly model rm pump-lstm@challenger --yes', comment: 'the alias only' },
  ],
  run: async (context) => {
    const { runModelRm } = await import('./rm.ts');
    return await runModelRm(context);
  },
};

export const modelRegistryCommands: readonly Command[] = [
  modelLs,
  modelShow,
  modelAdd,
  modelPromote,
  modelRollback,
  modelRm,
];
