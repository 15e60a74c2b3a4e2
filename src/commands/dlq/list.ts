import { formatTime } from '../../output/format.ts';
import type { DeadLetter } from '../../runtime/output/deadLetter.ts';
import { RedriveLedger } from '../../runtime/redrive/ledger.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';
import { stoppedCode } from '../lifecycle.ts';
import { warnOfCorrupt } from '../stageInput.ts';
import { letterFilter } from './options.ts';
import { deadLetterTopic, letterRange, letters } from './topic.ts';

/** Letters alike: the same exception, message and source partition. */
interface Group {
  readonly exception: string | null;
  readonly message: string | null;
  readonly topic: string | null;
  readonly partition: number | null;
  entries: number;
  /** More than `entries` where batches that could not be read stand for all their records. */
  records: number;
  redriven: number;
  firstTimeMs: number;
  lastTimeMs: number;
  firstOffset: number | null;
  lastOffset: number | null;
}

/** Messages with a value in them may all be different: what comes after so many groups is counted as one. */
const GROUPS_MAX = 10_000;
const OTHERS = '(other messages)';

/** `dlq ls`: what failed, how often, when and where. */
export async function runDlqList(context: CommandContext): Promise<number> {
  const takes = letterFilter(context);
  const topic = deadLetterTopic(context);
  const { output, signal, flags } = context;
  const client = await connectClient(context);
  try {
    const range = await letterRange(client, topic);
    const ledger = new RedriveLedger(topic);
    await ledger.load(client, signal, warnOfCorrupt(context), 'stable');
    const groups = new Groups();
    const openOnly = flags['open'] === true;
    for await (const { letter } of letters(context, client, range, takes)) {
      const isDone = ledger.has(letter);
      if (!(openOnly && isDone)) groups.add(letter, isDone);
    }
    await print(context, groups.sorted());
    const { entries, records } = groups;
    if (output.format === 'text') context.logger.info(`${topic}: ${entries} dead letters of ${records} records`);
    return signal.aborted ? stoppedCode(signal) : 0;
  } finally {
    await client.close();
  }
}

class Groups {
  readonly #groups = new Map<string, Group>();
  entries = 0;
  records = 0;

  add(letter: DeadLetter, isDone: boolean): void {
    const group = this.#groupOf(letter);
    this.entries++;
    this.records += letter.records;
    group.entries++;
    group.records += letter.records;
    if (isDone) group.redriven++;
    group.firstTimeMs = Math.min(group.firstTimeMs, letter.timeMs);
    group.lastTimeMs = Math.max(group.lastTimeMs, letter.timeMs);
    const { sourceOffset: first, nextOffset } = letter;
    if (first === null) return;
    group.firstOffset = Math.min(group.firstOffset ?? first, first);
    group.lastOffset = Math.max(group.lastOffset ?? first, nextOffset === null ? first : nextOffset - 1);
  }

  /** The most frequent first. */
  sorted(): Group[] {
    return [...this.#groups.values()].sort(
      (a, b) => b.records - a.records || (a.partition ?? -1) - (b.partition ?? -1),
    );
  }

  #groupOf(letter: DeadLetter): Group {
    const { exception, sourceTopic, sourcePartition } = letter;
    const place = [exception, sourceTopic, sourcePartition];
    let message = letter.message;
    let key = JSON.stringify([...place, message]);
    let group = this.#groups.get(key);
    if (group === undefined && this.#groups.size >= GROUPS_MAX) {
      message = OTHERS;
      key = JSON.stringify([...place, message]);
      group = this.#groups.get(key);
    }
    if (group !== undefined) return group;
    group = {
      exception,
      message,
      topic: sourceTopic,
      partition: sourcePartition,
      entries: 0,
      records: 0,
      redriven: 0,
      firstTimeMs: Infinity,
      lastTimeMs: -Infinity,
      firstOffset: null,
      lastOffset: null,
    };
    this.#groups.set(key, group);
    return group;
  }
}

async function print({ output }: CommandContext, groups: readonly Group[]): Promise<void> {
  const rows = groups.map(({ firstTimeMs, lastTimeMs, ...group }) => ({
    ...group,
    firstTime: formatTime(firstTimeMs),
    lastTime: formatTime(lastTimeMs),
  }));
  await output.table('dead_letters', rows, [
    { header: 'EXCEPTION', value: (row) => row.exception },
    { header: 'MESSAGE', value: (row) => row.message },
    { header: 'SOURCE', value: (row) => (row.topic === null ? null : `${row.topic}/${row.partition ?? '?'}`) },
    { header: 'RECORDS', value: (row) => row.records, align: 'right' },
    { header: 'ENTRIES', value: (row) => row.entries, align: 'right', wide: true },
    { header: 'REDRIVEN', value: (row) => row.redriven, align: 'right' },
    { header: 'FIRST', value: (row) => row.firstTime },
    { header: 'LAST', value: (row) => row.lastTime },
    { header: 'OFFSETS', value: offsetsText },
  ]);
}

function offsetsText({ firstOffset, lastOffset }: Pick<Group, 'firstOffset' | 'lastOffset'>): string | null {
  if (firstOffset === null) return null;
  return firstOffset === lastOffset ? String(firstOffset) : `${firstOffset}..${lastOffset}`;
}
