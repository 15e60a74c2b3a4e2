import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { type JournalReaderOptions, readJournal } from '../../../src/runtime/journal/journalReader.ts';
import { LogLines } from '../helpers/config.ts';

const TIMEOUT_MS = 1000;
const END = 100;
let time: number;
let isClosed: boolean;
beforeEach(() => {
  time = 0;
  isClosed = false;
});

/** A journal of END offsets; a poll takes so long, and moves the position as `step` says of where it is. */
function options(pollMs: number, step: (position: number) => number): JournalReaderOptions {
  let position = 0;
  const consumer = {
    assign: async () => {},
    position: () => position,
    poll: async () => {
      time += pollMs;
      position += step(position);
      return null;
    },
    takeCorrupt: () => [],
    close: async () => {
      isClosed = true;
    },
  };
  const client = {
    admin: {
      listOffsets: async ([place]: readonly object[], at: string) => [
        { ...place, offset: at === 'earliest' ? 0 : END },
      ],
    },
    createConsumer: async () => consumer,
  } as unknown as JournalReaderOptions['client'];
  return { client, topic: 'j', logger: new LogLines(), ticks: () => time, transactionTimeoutMs: TIMEOUT_MS };
}

test('a journal that takes long to read is no transaction that holds its end back', async () => {
  const { end } = await readJournal(
    options(5000, () => 1),
    0,
  );
  assert.equal(end, END);
  assert.ok(time > 100 * TIMEOUT_MS, `${time}`);
  assert.ok(isClosed, 'the consumer is closed');
});

test('one that stands still is waited for as long as a transaction may take, from where it stands', async () => {
  const reading = readJournal(
    options(5000, (position) => (position < 40 ? 1 : 0)),
    0,
  );
  await assert.rejects(reading, { code: 'ANM_TIMEOUT', message: /j\/0 to offset 100 .* held it at 40 .*\(1000 ms\)/ });
  // Forty steps, then the timeout and the time of the markers.
  assert.equal(time, 40 * 5000 + 15_000);
  assert.ok(isClosed, 'the consumer is closed');
});
