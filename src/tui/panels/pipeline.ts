import type { MemberStatus } from '../../observe/status.ts';
import type { PipelineView, StageView } from '../../observe/watch/snapshot.ts';
import { sparkline } from '../../output/sparkline.ts';
import { count, gauge, percent, plural, rate, time, toneOf } from '../draw.ts';
import { type Line, line, type Span, span } from '../line.ts';
import { noPipeline } from '../plainMode.ts';
import { fit, wrap } from '../text.ts';
import { definePanel, type Scope } from './panel.ts';

const MEMBERS_SHOWN = 4;
const PIPELINES_SHOWN = 6;

export const pipelinePanel = definePanel<StageView>({
  id: 'pipeline',
  title: 'pipeline',
  answers: 'what goes through each stage, and which one holds the others up',
  command: 'anomaly control status PIPELINE -o json',
  rows: ({ pipeline }) => pipeline?.stages ?? [],
  key: ({ name }) => name,
  search: ({ name, note, backPressure }) => `${name} ${backPressure ?? ''} ${note ?? ''}`,
  columns: [
    { title: 'stage', width: 9, rank: 0, text: ({ name }) => name, tone: () => 'strong' },
    { title: 'rate', width: 11, rank: 1, align: 'right', text: (row) => rate(row.rate), order: (row) => row.rate },
    {
      title: 'queue',
      width: 18,
      rank: 2,
      align: 'right',
      text: ({ queue, unit }) => (queue === null ? '-' : `${count(queue)} ${unit}`),
      order: (row) => row.queue,
    },
    {
      title: 'pressure',
      width: 8,
      rank: 1,
      text: ({ backPressure }) => backPressure ?? '-',
      tone: ({ backPressure }) => toneOf(backPressure),
    },
    {
      title: 'errors',
      width: 8,
      rank: 2,
      align: 'right',
      text: (row) => count(row.errors),
      tone: ({ errors }) => (errors > 0 ? 'bad' : 'dim'),
      order: (row) => row.errors,
    },
    { title: 'note', width: 8, grow: 1, rank: 3, text: ({ note }) => note ?? '' },
  ],
  head,
  detail: ({ name, note }, { width }) =>
    note === null ? [] : wrap(`${name}: ${note}`, width - 2).map((text) => line('  ', text)),
  none: ({ pipeline, snapshot }) =>
    pipeline === null && snapshot.asked != null
      ? noPipeline(snapshot)
      : pipeline === null
        ? 'no pipeline runs here: anomaly run starts one, anomaly demo shows one'
        : pipeline.state === 'gone'
          ? 'nobody runs it any more: its last checkpoint is in panel 7, anomaly run goes on from there'
          : 'its members have not told of any stage yet',
  actions: ['savepoint', 'hold', 'stop'],
});

function head(scope: Scope): Line[] {
  const { snapshot, pipeline } = scope;
  if (pipeline === null) return [];
  // Around the one that is shown, where there are many.
  const at = Math.max(0, snapshot.pipelines.indexOf(pipeline));
  const from = Math.max(0, Math.min(at - PIPELINES_SHOWN + 1, snapshot.pipelines.length - PIPELINES_SHOWN));
  const listed = snapshot.pipelines.slice(from, from + PIPELINES_SHOWN);
  const lines = listed.map((each) => pipelineLine(each, each === pipeline, scope));
  const more = snapshot.pipelines.length - listed.length;
  if (more > 0) lines.push(line(span(`  and ${more} more: [ and ]`, 'dim')));
  return [...lines, [], ...memberLines(pipeline, scope), []];
}

function pipelineLine(pipeline: PipelineView, isShown: boolean, { width }: Scope): Line {
  const live =
    pipeline.state === 'gone'
      ? 0
      : pipeline.members.filter(({ state }) => state !== 'stopped' && state !== 'failed').length;
  const latest = pipeline.rates.at(-1);
  const name = fit(pipeline.name, Math.max(12, Math.min(28, Math.floor(width / 4))), 'left', 'end');
  const words: Span[] = [
    span(isShown ? '▸ ' : '  ', 'accent'),
    span(name, isShown ? 'strong' : undefined),
    span('  '),
    span(fit(pipeline.state, 10), toneOf(pipeline.state)),
    span(`  ${fit(plural(live, 'member'), 10)}  ${fit(rate(latest), 11, 'right')}  `),
  ];
  const room = width - words.reduce((sum, { text }) => sum + text.length, 0) - 1;
  return room < 8 ? words : [...words, span(sparkline(pipeline.rates, Math.min(room, 120)), 'accent')];
}

function memberLines({ members, state }: PipelineView, scope: Scope): Line[] {
  if (members.length === 0) return [line(span('  no member has said anything', 'dim'))];
  const lines = members.slice(0, MEMBERS_SHOWN).map((member) => memberLine(member, state === 'gone', scope));
  const more = members.length - lines.length;
  if (more > 0) lines.push(line(span(`  and ${more} more members`, 'dim')));
  return lines;
}

function memberLine(member: MemberStatus, isGone: boolean, { snapshot, width }: Scope): Line {
  const { restoring, error } = member;
  const start = [
    span(`  ${fit(member.instance ?? member.member, 16, 'left', 'end')}  `),
    span(fit(isGone ? 'gone' : member.state, 10), isGone ? 'bad' : toneOf(member.state)),
    span(`  ${fit(plural(member.partitions.length, 'partition'), 14)}  `),
  ];
  const since = time(Math.max(0, snapshot.atMs - member.atMs));
  if (isGone) return [...start, span(`last heard of ${since} ago`, 'bad')];
  if (restoring !== null) {
    const share = restoring.total > 0 ? restoring.done / restoring.total : 0;
    const text = `${gauge(share, 16)} ${percent(share)} of ${count(restoring.total)} records read again`;
    return [...start, span(text, 'warn')];
  }
  if (error !== null) return [...start, span(fit(`${error.code}: ${error.message}`, Math.max(8, width - 46)), 'bad')];
  return [
    ...start,
    span(
      `${rate(member.rates.records)}  out ${rate(member.rates.outputs)}  ${member.host}:${member.pid}  restarts ${member.restarts}`,
      'dim',
    ),
  ];
}
