import type { Command } from './command.ts';

export const doctor: Command = {
  name: 'doctor',
  group: 'Inspect',
  summary: 'Check runtime, clients, brokers, registry, topics and state, and say how to mend what fails',
  description: 'Reads only. Exit 6 when a row fails; a warning alone is exit 0.',
  takesBrokenSettings: true,
  examples: [
    { command: 'anomaly doctor', comment: 'rows ok, warn or fail, with what to do' },
    { command: 'anomaly doctor --brokers redpanda:9092 -o json', comment: 'of another cluster, for programs' },
  ],
  run: async (context) => {
    const { runDoctor } = await import('./doctorRun.ts');
    return await runDoctor(context);
  },
};
