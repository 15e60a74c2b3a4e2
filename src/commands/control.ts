import type { ArgumentSpec, Command, CommandContext, OptionSpec } from './command.ts';

export const PIPELINE: ArgumentSpec = { name: 'pipeline', summary: 'name of the pipeline', required: true };
const GROUP: OptionSpec = { flags: '--group <id>', summary: 'only the members of this group', type: 'string' };
const WAIT: OptionSpec = {
  flags: '--wait <duration>',
  summary: 'how long to wait for the answers of all members',
  type: 'duration',
  default: '30s',
};
export const CONTROL_OPTIONS: readonly OptionSpec[] = [GROUP, WAIT];

const SENT =
  'Sends a command on the topic <pipeline>.control and waits until each live member has answered in its status. Each\n' +
  'applies it between two batches and notes in the journal at which offset.';
const CODES = 'Exit code 1 where no member is running or one could not do it, 3 where an answer did not come in time.';

async function send(context: CommandContext, verb: 'pause' | 'resume' | 'stop' | 'savepoint', name?: string) {
  const { sendControl } = await import('./control/send.ts');
  return await sendControl(context, verb, name);
}

const pause: Command = {
  name: 'control pause',
  group: 'Pipeline',
  summary: 'Let the members of a pipeline read nothing until they are resumed',
  description:
    `${SENT}\n${CODES} The members stay in their group. A pause holds until control resume, over restarts too, and a\n` +
    'member that starts while it holds starts paused and says so: for as long as the control topic keeps it, 7 days.\n' +
    'A run --until end that starts while it holds says so and runs to its end.',
  arguments: [PIPELINE],
  options: CONTROL_OPTIONS,
  examples: [
    { command: 'anomaly control pause pump-room', comment: 'all members, of every stage' },
    { command: 'anomaly control pause pump-room --group pump-room.score', comment: 'one stage' },
  ],
  run: (context) => send(context, 'pause'),
};

const resume: Command = {
  name: 'control resume',
  group: 'Pipeline',
  summary: 'Let paused members go on where they were',
  description: `${SENT}\n${CODES} A pause of a pipeline that has ended is ended by resuming the members that start next.`,
  arguments: [PIPELINE],
  options: CONTROL_OPTIONS,
  examples: [
    { command: 'anomaly control resume pump-room', comment: 'all members' },
    { command: 'anomaly control resume pump-room -o json', comment: 'with the offsets, for scripts' },
  ],
  run: (context) => send(context, 'resume'),
};

const stop: Command = {
  name: 'control stop',
  group: 'Pipeline',
  summary: 'Let the members of a pipeline drain, commit and end',
  description: `${SENT}\n${CODES}`,
  arguments: [PIPELINE],
  options: [
    ...CONTROL_OPTIONS,
    { flags: '--savepoint <name>', summary: 'first take a savepoint of this name', type: 'string' },
  ],
  examples: [
    { command: 'anomaly control stop pump-room', comment: 'as ^C does' },
    { command: 'anomaly control stop pump-room --savepoint before-upgrade', comment: 'with a savepoint to go back to' },
  ],
  run: (context) => send(context, 'stop', context.flags['savepoint'] as string | undefined),
};

const savepoint: Command = {
  name: 'control savepoint',
  group: 'Pipeline',
  summary: 'Let the members of a pipeline take a savepoint',
  description: `${SENT}\n${CODES}`,
  arguments: [PIPELINE, { name: 'name', summary: 'name of the savepoint', required: true }],
  options: CONTROL_OPTIONS,
  examples: [
    { command: 'anomaly control savepoint pump-room before-upgrade', comment: 'kept until it is removed by name' },
    { command: 'anomaly control savepoint pump-room nightly --wait 5m', comment: 'with time for a large state' },
  ],
  run: (context) => send(context, 'savepoint', context.args[1]),
};

const promote: Command = {
  name: 'control promote',
  group: 'Pipeline',
  summary: 'Let the members of a pipeline ask another model from now on',
  description:
    `${SENT}\n${CODES} Each loads it beside the present one and asks it once it is loaded, without a pause; what the present one\n` +
    'has, it answers. It has to read the same windows. It holds over restarts as long as score.model.uri names what it\n' +
    'named then, and goes by itself where it does not do (score.model.rollback).',
  arguments: [
    PIPELINE,
    { name: 'model', summary: 'a file, models:/NAME@ALIAS or models:/NAME/VERSION', required: true },
  ],
  options: CONTROL_OPTIONS,
  examples: [
    { command: 'anomaly control promote pump-room models:/pump-lstm/4', comment: 'a version of the registry' },
    {
      command: 'anomaly control promote pump-room models:/pump-lstm@champion',
      comment: 'whatever the alias names now',
    },
  ],
  run: async (context) => {
    const { sendPromote } = await import('./control/send.ts');
    return await sendPromote(context, context.args[1]!);
  },
};

const status: Command = {
  name: 'control status',
  group: 'Inspect',
  summary: 'Show the members of a running pipeline and their partitions',
  description:
    'Reads the topic <pipeline>.status, where each member writes what it does. A member that was silent for longer than\n' +
    'the session timeout is shown as gone. Exit code 1 where no member is running.',
  arguments: [PIPELINE],
  options: [GROUP],
  examples: [
    { command: 'anomaly control status pump-room', comment: 'members, partitions, lag, watermarks, checkpoints' },
    { command: 'anomaly control status pump-room -o json', comment: 'all that the members tell' },
  ],
  run: async (context) => {
    const { showStatus } = await import('./control/status.ts');
    return await showStatus(context);
  },
};

export const controlCommands: readonly Command[] = [status, pause, resume, stop, savepoint, promote];
