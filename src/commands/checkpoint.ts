import type { Command, OptionSpec } from './command.ts';

const CHECKPOINT = {
  name: 'checkpoint',
  summary:
    'id of a checkpoint or its beginning, name of a savepoint, latest (the newest of each partition), or @TIME (by then)',
  required: true,
} as const;

const STORE: OptionSpec = {
  flags: '--checkpoint-store <url>',
  summary: 'directory, s3://BUCKET/PREFIX or webhdfs://HOST:PORT/PATH',
  key: 'checkpoint.store',
};
const GROUP: OptionSpec = { flags: '--group <id>', summary: 'only of this consumer group', type: 'string' };
const DRY_RUN: OptionSpec = { flags: '--dry-run', summary: 'say what would be done, and do nothing', type: 'boolean' };

const checkpointLs: Command = {
  name: 'checkpoint ls',
  group: 'Inspect',
  summary: 'List the checkpoints and savepoints of a store',
  description:
    'One row a checkpoint: its partitions, offsets, bytes and age, newest first. Partitions take turns, so an automatic\n' +
    'checkpoint is often of one partition; the newest of each partition together are called latest. What is damaged or\n' +
    'was never finished is told on stderr.',
  options: [STORE, GROUP],
  examples: [
    { command: 'anomaly checkpoint ls', comment: 'of the store in anomaly.yaml' },
    { command: 'anomaly checkpoint ls --checkpoint-store s3://checkpoints/pump-room', comment: 'of a bucket' },
    { command: 'anomaly checkpoint ls --group pump-room -o json', comment: 'for scripts' },
  ],
  run: async (context) => {
    const { runCheckpointList } = await import('./checkpoint/list.ts');
    return await runCheckpointList(context);
  },
};

const checkpointShow: Command = {
  name: 'checkpoint show',
  group: 'Inspect',
  summary: 'Show what a checkpoint holds: offsets, watermarks, model, operators by size',
  description:
    'Operators are ranked by their bytes over all partitions: the first is where state goes. -o json has the manifests\n' +
    'as they are stored.',
  arguments: [CHECKPOINT],
  options: [STORE, GROUP],
  examples: [
    { command: 'anomaly checkpoint show latest', comment: 'the newest of each partition' },
    { command: 'anomaly checkpoint show before-upgrade -o json', comment: 'a savepoint, with its manifests' },
  ],
  run: async (context) => {
    const { runCheckpointShow } = await import('./checkpoint/show.ts');
    return await runCheckpointShow(context);
  },
};

const checkpointVerify: Command = {
  name: 'checkpoint verify',
  group: 'Inspect',
  summary: 'Read every file of checkpoints and check its size and sha256',
  description: 'Without an argument all checkpoints are read. Exits 6 when one of them cannot be used.',
  arguments: [{ ...CHECKPOINT, required: false }],
  options: [STORE, GROUP],
  examples: [
    { command: 'anomaly checkpoint verify', comment: 'every checkpoint of the store' },
    { command: 'anomaly checkpoint verify before-upgrade', comment: 'one savepoint' },
  ],
  run: async (context) => {
    const { runCheckpointVerify } = await import('./checkpoint/verify.ts');
    return await runCheckpointVerify(context);
  },
};

const checkpointDiff: Command = {
  name: 'checkpoint diff',
  group: 'Inspect',
  summary: 'Compare two checkpoints: operators, definitions, offsets, sizes, series',
  description:
    'A definition that differs is told by its keys, with both values: state of that operator cannot be restored into\n' +
    'the other definition.',
  arguments: [
    { name: 'a', summary: 'checkpoint, savepoint or latest', required: true },
    { name: 'b', summary: 'checkpoint, savepoint or latest', required: true },
  ],
  options: [STORE, GROUP],
  examples: [
    { command: 'anomaly checkpoint diff before-upgrade latest', comment: 'what changed since a savepoint' },
    { command: 'anomaly checkpoint diff before-upgrade latest -o json', comment: 'for scripts' },
  ],
  run: async (context) => {
    const { runCheckpointDiff } = await import('./checkpoint/diff.ts');
    return await runCheckpointDiff(context);
  },
};

const checkpointExport: Command = {
  name: 'checkpoint export',
  group: 'Setup',
  summary: 'Copy a checkpoint to a directory or a .tar file, or its series to a .ndjson or .csv file',
  description:
    'Every file is checked before it is written. A directory has the layout of a store, so that it is one: name it as\n' +
    '--checkpoint-store. What an incremental checkpoint takes from an earlier one is put into its own folder. A file that\n' +
    'ends in .ndjson or .csv, or - for stdout, gets a line a series: its last time, its records, and its open windows as\n' +
    'they would be put out now; for that the pipeline of anomaly.yaml has to be that of the checkpoint.',
  arguments: [CHECKPOINT],
  options: [
    {
      flags: '--to <path>',
      summary: 'directory, or a file that ends in .tar, .ndjson or .csv; - for NDJSON on stdout; required',
      type: 'string',
    },
    STORE,
    GROUP,
  ],
  examples: [
    { command: 'anomaly checkpoint export latest --to backup.tar', comment: 'into one file' },
    { command: 'anomaly checkpoint export latest --to series.csv', comment: 'what is readable, by series' },
    {
      command: 'anomaly checkpoint export before-upgrade --to ./backup --checkpoint-store s3://checkpoints/pump-room',
      comment: 'from a bucket into a directory',
    },
  ],
  run: async (context) => {
    const { runCheckpointExport } = await import('./checkpoint/export.ts');
    return await runCheckpointExport(context);
  },
};

const checkpointCreate: Command = {
  name: 'checkpoint create',
  group: 'Pipeline',
  summary: 'Let a running pipeline take a savepoint',
  description:
    'Sends the command on the topic <pipeline>.control and waits until each live member has stored the snapshots of its\n' +
    'partitions, all of this name, and named them in its journal. A savepoint is whole and stays until anomaly checkpoint\n' +
    'prune --savepoint removes it. Exit code 1 where no member is running or one could not do it, 3 where an answer did\n' +
    'not come in time.',
  arguments: [{ name: 'pipeline', summary: 'name of the pipeline; default that of anomaly.yaml' }],
  options: [
    { flags: '--name <savepoint>', summary: 'name of the savepoint; required', type: 'string' },
    { flags: '--group <id>', summary: 'only the members of this group', type: 'string' },
    { flags: '--wait <duration>', summary: 'how long to wait for the answers', type: 'duration', default: '30s' },
  ],
  examples: [
    { command: 'anomaly checkpoint create --name before-upgrade', comment: 'of the pipeline in anomaly.yaml' },
    { command: 'anomaly checkpoint create pump-room --name nightly --wait 5m', comment: 'with time for a large state' },
  ],
  run: async (context) => {
    const { runCheckpointCreate } = await import('./checkpoint/create.ts');
    return await runCheckpointCreate(context);
  },
};

const checkpointRestore: Command = {
  name: 'checkpoint restore',
  group: 'Setup',
  summary: 'Let a stopped group go on from a checkpoint: state and offsets',
  description:
    'Names the snapshots in the journal of the group and commits their offsets; what was put out since then is put out\n' +
    'again by the next start. A group with members is refused. An operator that the pipeline of anomaly.yaml defines\n' +
    'otherwise, or no longer, is named; --allow drops just that one. --to-group separates state and offsets, not outputs:\n' +
    'run the copy with --pipeline and --group of its own name and with sinks of its own. A .tar file of an export is\n' +
    'unpacked first, and its folder named as --checkpoint-store. The word format-1 takes the snapshots that version 0.1\n' +
    'left.',
  arguments: [CHECKPOINT],
  options: [
    { flags: '--to-group <id>', summary: 'group to restore; default that of the checkpoint', type: 'string' },
    {
      flags: '--allow <operator>',
      summary: 'operator whose state may be dropped, as window/w5m',
      type: 'list',
      repeatable: true,
    },
    DRY_RUN,
    { flags: '--yes', summary: 'do not ask', type: 'boolean' },
    STORE,
    GROUP,
  ],
  examples: [
    { command: 'anomaly checkpoint restore before-upgrade --dry-run', comment: 'what would change' },
    {
      command: 'anomaly checkpoint restore latest --to-group pump-room-test --yes',
      comment: 'a copy to try things with',
    },
    { command: 'anomaly checkpoint restore @-2h --dry-run', comment: 'the newest of each partition two hours ago' },
    { command: 'anomaly checkpoint restore before-upgrade --allow window/w5m', comment: 'without one operator' },
  ],
  run: async (context) => {
    const { runCheckpointRestore } = await import('./checkpoint/restore.ts');
    return await runCheckpointRestore(context);
  },
};

const checkpointRescale: Command = {
  name: 'checkpoint rescale',
  group: 'Setup',
  summary: 'Redistribute the state of a checkpoint by key, for another number of partitions',
  description:
    "Writes a savepoint for that many partitions, each series in the partition where Java's partitioner (as rpk, kcat\n" +
    'and the clients of this tool) places its key, and proves that series, open windows and every number in them are the\n' +
    'same before and after. The order: stop the producers, let the pipeline read to the end and stop it, rescale latest,\n' +
    'rpk topic add-partitions, checkpoint restore, start the pipeline, then the producers. A partition that is new begins\n' +
    'at offset 0; with --to-topic, which also takes fewer partitions, all do.',
  arguments: [CHECKPOINT],
  options: [
    { flags: '--partitions <count>', summary: 'partitions that the topic is to have; required', type: 'integer' },
    { flags: '--name <savepoint>', summary: 'name of the savepoint; default CHECKPOINT-by-COUNT', type: 'string' },
    {
      flags: '--to-topic <name>',
      summary: 'another topic with as many partitions, read from its start',
      type: 'string',
    },
    DRY_RUN,
    STORE,
    GROUP,
  ],
  examples: [
    { command: 'anomaly checkpoint rescale latest --partitions 12', comment: 'then restore latest-by-12' },
    { command: 'anomaly checkpoint rescale before-growth --partitions 24 --dry-run', comment: 'with the totals' },
  ],
  run: async (context) => {
    const { runCheckpointRescale } = await import('./checkpoint/rescale.ts');
    return await runCheckpointRescale(context);
  },
};

const checkpointPrune: Command = {
  name: 'checkpoint prune',
  group: 'Setup',
  summary: 'Remove old checkpoints, or savepoints by name',
  description:
    'Keeps the newest --retain checkpoints of each partition, what those build on, and all savepoints; removes the\n' +
    'others, and leftovers of uploads that are older than an hour. With --savepoint just that savepoint is removed. A\n' +
    'pipeline removes its old checkpoints by itself: this is for those that do not run any more.',
  options: [
    {
      flags: '--retain <count>',
      summary: 'how many of each partition stay; default checkpoint.retain',
      type: 'integer',
    },
    { flags: '--savepoint <name>', summary: 'remove this savepoint', type: 'string' },
    DRY_RUN,
    STORE,
    GROUP,
  ],
  examples: [
    { command: 'anomaly checkpoint prune --retain 3 --dry-run', comment: 'what would go' },
    {
      command: 'anomaly checkpoint prune --savepoint before-upgrade',
      comment: 'a savepoint that is of no use any more',
    },
  ],
  run: async (context) => {
    const { runCheckpointPrune } = await import('./checkpoint/prune.ts');
    return await runCheckpointPrune(context);
  },
};

export const checkpointCommands: readonly Command[] = [
  checkpointLs,
  checkpointShow,
  checkpointVerify,
  checkpointDiff,
  checkpointCreate,
  checkpointRestore,
  checkpointExport,
  checkpointRescale,
  checkpointPrune,
];
