import type { OpenTransaction } from '../../clients/client.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { formatDuration } from '../../config/duration.ts';
import { isAnomalyError } from '../../errors.ts';
import { fail, ok, type Seen, skip, warn } from './check.ts';
import type { Doctor } from './doctor.ts';

/** A transaction of a pipeline is open for a second at most; who reads committed records waits for that long. */
const LONG_MS = 30_000;

/** Transactions that are open for longer than they may, or that hold readers of committed records back. */
export async function checkTransactions(doctor: Doctor): Promise<readonly Seen[]> {
  const { admin } = await doctor.client();
  let open: readonly OpenTransaction[];
  try {
    open = await admin.openTransactions();
  } catch (error) {
    if (isAnomalyError(error) && (error.code === 'ANM_UNSUPPORTED' || error.code === 'ANM_AUTHORIZATION')) {
      return [skip(error.message)];
    }
    throw error;
  }
  const nowMs = doctor.context.now();
  const rows = open.flatMap((each) => openRow(each, nowMs));
  rows.push(...(await heldRows(doctor, open)));
  if (rows.length > 0) return rows;
  return [
    ok(open.length === 0 ? 'none is open' : `${open.length} open, none for longer than ${formatDuration(LONG_MS)}`),
  ];
}

function openRow({ transactionalId, startedMs, timeoutMs, partitions }: OpenTransaction, nowMs: number): Seen[] {
  const ageMs = Math.round((nowMs - startedMs) / 1000) * 1000;
  if (startedMs < 0 || ageMs < LONG_MS) return [];
  const places = partitions.map(({ topic, partition }) => `${topic}/${partition}`);
  const holds = `${places.slice(0, 5).join(', ')}${places.length > 5 ? ` and ${places.length - 5} more` : ''}`;
  const detail = `transaction ${transactionalId} is open for ${formatDuration(ageMs)}; readers of committed records wait for it in ${holds}`;
  if (ageMs <= timeoutMs) {
    return [
      warn(
        `${detail}; the broker aborts it after ${formatDuration(timeoutMs)}`,
        `look for its producer: rpk cluster txn describe ${transactionalId}`,
      ),
    ];
  }
  return [
    fail(
      `${detail}; its timeout of ${formatDuration(timeoutMs)} is over, so the broker should have aborted it`,
      `rpk cluster txn describe ${transactionalId}; a producer that starts with that id aborts it`,
    ),
  ];
}

/** Partitions of the source whose end for readers of committed records stays below the end, with no transaction known. */
async function heldRows(doctor: Doctor, open: readonly OpenTransaction[]): Promise<Seen[]> {
  if (doctor.config === undefined) return [];
  const { stableEnds } = await import('../../runtime/input/topicSource.ts');
  const client = await doctor.client();
  const all = (await doctor.topics()).flatMap(({ name, partitions }) =>
    partitions.map(({ partition }) => ({ topic: name, partition })),
  );
  const isOpen = ({ topic, partition }: TopicPartitionOffset) =>
    open.some(({ partitions }) => partitions.some((each) => each.topic === topic && each.partition === partition));
  const ends = await client.admin.listOffsets(all, 'latest');
  const stable = await stableEnds(client, all);
  const rows: Seen[] = [];
  for (const [i, { topic, partition, offset }] of ends.entries()) {
    const held = offset - stable[i]!.offset;
    if (held <= 0 || isOpen(ends[i]!)) continue;
    // One that began and ended meanwhile leaves no trace a moment later.
    const [again] = await stableEnds(client, [{ topic, partition }]);
    if (again!.offset >= offset || again!.offset > stable[i]!.offset) continue;
    rows.push(
      fail(
        `${topic}/${partition} holds ${held} offsets back from readers of committed records, from offset ${again!.offset} on, by a transaction that no coordinator has`,
        `rpk cluster txn describe-producers --topics ${topic} --partitions ${partition}; kafka-transactions.sh abort ends it`,
      ),
    );
  }
  return rows;
}
