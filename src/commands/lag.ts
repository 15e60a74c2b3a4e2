import type { Command } from './command.ts';
import { VERDICT_LIMITS } from './lag/limits.ts';

export const lag: Command = {
  name: 'lag',
  group: 'Inspect',
  summary: 'Show how far consumer groups are behind: records, time, verdict',
  description:
    'Lag in records is the log end minus the committed offset. TIME is the age of the record at that offset, told from the\n' +
    'times at which the end of the log was where; ~ marks what is beyond them. VERDICT is by the rules of Burrow. Rates are\n' +
    'of the looks so far, of commits on the way out. What is unknown is shown as - with the reason.\n' +
    'One run looks twice, a second apart: that is enough for rates and time, and for a verdict where all is well; a bad\n' +
    'one takes 10 commits, by --watch or --looks. Pipelines of this tool tell their last minutes themselves.\n' +
    'With --watch the next look starts after the previous one is finished.',
  arguments: [
    { name: 'group', summary: 'consumer groups, or patterns with * and ?; all of them without one', variadic: true },
  ],
  options: [
    { flags: '-r, --regex', summary: 'the groups are regular expressions over the whole name', type: 'boolean' },
    { flags: '--topic <name>', summary: 'only this topic, or the pattern with * and ?', repeatable: true },
    { flags: '--watch [interval]', summary: 'go on until ^C; default every 2s', type: 'duration' },
    { flags: '--looks <n>', summary: 'looks of a run without --watch; default 2', type: 'integer' },
    { flags: '--every <interval>', summary: 'time between those looks; default 1s', type: 'duration' },
    { flags: '--summary', summary: 'only the totals of each group', type: 'boolean' },
    { flags: '--members', summary: 'what each member of a group has to do', type: 'boolean' },
    {
      flags: '--exact',
      summary: 'read the record at each committed offset for its time: one read a partition',
      type: 'boolean',
    },
    {
      flags: '--cross-check',
      summary: "compare with Redpanda's own lag gauges; done by itself where admin.urls is set",
      type: 'boolean',
    },
    {
      flags: '--allowed-lag <n>',
      summary: 'records below which a verdict finds nothing wrong; default 0',
      type: 'integer',
    },
    { flags: '--max-lag <n>', summary: 'exit 6 when a group is more records behind, or unknown', type: 'integer' },
    { flags: '--max-lag-time <time>', summary: 'exit 6 when a group is further behind, or unknown', type: 'duration' },
    {
      flags: '--max-verdict <verdict>',
      summary: 'exit 6 when the verdict on a group is worse, or unknown',
      choices: VERDICT_LIMITS,
    },
    { flags: '--ascii', summary: 'trends in characters of ASCII', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly lag', comment: 'all groups' },
    { command: 'anomaly lag pump-room --watch 1s', comment: 'one group, once a second' },
    { command: "anomaly lag 'pump-*' --looks 12 --every 10s --max-verdict WARN", comment: 'two minutes for a verdict' },
    { command: 'anomaly lag pump-room --max-lag 1000 --max-lag-time 30s -o json', comment: 'a check for scripts' },
  ],
  run: async (context) => {
    const { runLag } = await import('./lag/run.ts');
    return await runLag(context);
  },
};

export const lagReset: Command = {
  name: 'lag reset',
  group: 'Inspect',
  summary: 'Set the offsets of a consumer group that has no members',
  description:
    'Shows what each partition would skip or read again, within what its log holds, and asks. A group that has members is\n' +
    'refused: they would commit over it. So is the group of a pipeline of this tool, whose state belongs to its offsets:\n' +
    'anomaly checkpoint restore takes both back together; --confirm GROUP does it all the same.\n' +
    '--to and --shift-by are of the partitions in which the group has a commit, or of --topic.',
  arguments: [{ name: 'group', summary: 'the consumer group', required: true }],
  options: [
    {
      flags: '--to <place>',
      summary: 'start, end, current, 42, +n after the start, -n before the end, @time, @-1h',
      type: 'string',
    },
    { flags: '--shift-by <n>', summary: 'so many records forward, or back with a minus', type: 'string' },
    {
      flags: '--from-file <file>',
      summary: 'lines of topic, partition, offset, as --export and kafka-consumer-groups write them; - for stdin',
      type: 'string',
    },
    { flags: '--from-group <group>', summary: 'the offsets of another group', type: 'string' },
    { flags: '--topic <name>', summary: 'only this topic, or NAME:0,3 for partitions of it', repeatable: true },
    {
      flags: '--allow-new-topics',
      summary: 'also topics in which the group has no commit yet',
      type: 'boolean',
    },
    { flags: '--export', summary: 'print the plan as lines for --from-file, and do nothing', type: 'boolean' },
    { flags: '--dry-run', summary: 'say what would be done, and do nothing', type: 'boolean' },
    { flags: '-y, --yes', summary: 'do not ask', type: 'boolean' },
    {
      flags: '--confirm <group>',
      summary: "the group's name again: also where it is a pipeline of this tool",
      type: 'string',
    },
  ],
  examples: [
    { command: 'anomaly lag reset billing --to @-2h --dry-run', comment: 'what two hours back would mean' },
    {
      command: 'anomaly lag reset billing --topic orders:0,3 --to end --yes',
      comment: 'skip what waits in two partitions',
    },
    { command: 'anomaly lag reset billing --to current --export', comment: 'keep the offsets as they are' },
  ],
  run: async (context) => {
    const { runLagReset } = await import('./lag/reset.ts');
    return await runLagReset(context);
  },
};
