import type { Command } from './command.ts';

export const doctor: Command = {
  name: 'doctor',
  group: 'Inspect',
  summary: 'Check runtime, clients, brokers, registry, topics and state, and say how to mend what fails',
  description:
    'Each row is ok, warn, fail or skip (what it builds on failed), with what was seen and what to do. Exit 6 when a row\n' +
    'fails; a warning alone is exit 0. With -f anomaly.yaml, or where one is found, it looks at what that pipeline needs;\n' +
    'else at the connection. It writes nothing but a probe in the state directory and in the checkpoint store, which it\n' +
    'removes.\n' +
    '\n' +
    '--acl checks nothing: it prints the rpk commands that make a user who may do what this pipeline does, and no more.',
  takesBrokenSettings: true,
  options: [
    { flags: '-f, --file <path>', summary: 'anomaly.yaml to look at; the same as --config', key: 'config' },
    { flags: '--deadline <duration>', summary: 'longest time of one check', type: 'duration', default: '5s' },
    { flags: '--acl', summary: 'print the rights that the pipeline needs, as commands of rpk', type: 'boolean' },
    { flags: '--acl-user <name>', summary: 'with --acl: the user; default the name of the pipeline', type: 'string' },
    {
      flags: '--acl-operate',
      summary: 'with --acl: of a user who looks at the pipeline and commands it, in place of the one who runs it',
      type: 'boolean',
    },
    { flags: '--repartition', summary: 'with --acl: as for run --repartition', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly doctor', comment: 'rows ok, warn or fail, with what to do' },
    { command: 'anomaly doctor --brokers redpanda:9092 -o json', comment: 'of another cluster, for programs' },
    { command: 'anomaly doctor -f anomaly.yaml --acl', comment: 'the rights of a user for this pipeline alone' },
  ],
  run: async (context) => {
    if (context.flags['acl'] === true) {
      const { printAcl } = await import('./doctor/acl.ts');
      return await printAcl(context);
    }
    const { runDoctor } = await import('./doctor/run.ts');
    return await runDoctor(context);
  },
};
