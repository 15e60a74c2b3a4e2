import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { ConsumerOptions, KafkaClient } from '../../../src/clients/client.ts';
import { connect } from '../../../src/clients/connect.ts';
import { type ControlCommand, encodeCommand } from '../../../src/runtime/control/command.ts';
import { ControlReader, type ControlReaderOptions } from '../../../src/runtime/control/controlReader.ts';
import { controlTopic, ensureOperationTopics } from '../../../src/runtime/topics/operationTopics.ts';
import { append, startWorld, type World } from '../../helpers/world.ts';
import { LogLines } from '../helpers/config.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
afterEach(() => world.broker.faults.clear());
after(() => world.close());

const TOPIC_AUTHORIZATION_FAILED = 29;

const commandOf = (id: string, command: ControlCommand['command']): ControlCommand => ({
  ...{ id, command, name: null, group: null, sentMs: 0, by: 'u@h' },
});

/** Writes to the control topic, which is made where there is none: commands, and text that is none. */
async function send(pipeline: string, ...records: (ControlCommand | string)[]): Promise<void> {
  await ensureOperationTopics(world.client.admin, pipeline);
  const producer = await world.client.createProducer();
  const text = (record: ControlCommand) => new TextDecoder().decode(encodeCommand(record));
  for (const record of records) {
    const value = typeof record === 'string' ? record : text(record);
    append(producer, controlTopic(pipeline), { partition: 0, key: null, value });
  }
  await producer.close();
}

/** A reader with what it has told, and how to wait for it. */
async function start(pipeline: string, more: Partial<ControlReaderOptions> = {}) {
  const log = new LogLines();
  const seen: string[] = [];
  let wake = () => {};
  const onCommand = ({ id }: ControlCommand) => {
    seen.push(id);
    wake();
  };
  const reader = await ControlReader.start({
    ...{ client: world.client, pipeline, group: pipeline, logger: log, onCommand, untilEnd: false },
    signal: new AbortController().signal,
    pause: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
    ...more,
  });
  const until = async (id: string) => {
    while (!seen.includes(id)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { reader, log, seen, until };
}

test('the pause that holds is told, nothing of before it, and every later command; old nonsense is not told again', async () => {
  await send('held', commandOf('1', 'pause'), commandOf('2', 'resume'), 'nonsense', commandOf('3', 'pause'));
  const { reader, log, seen, until } = await start('held');
  assert.deepEqual(seen, ['3']);
  assert.deepEqual(log.lines.length, 1, log.lines.join('\n'));
  assert.match(log.lines[0]!, /starts paused, as the pipeline is since \S+ by u@h: anomaly control resume held lets/);
  await send('held', 'more nonsense', commandOf('4', 'stop'));
  await until('4');
  assert.deepEqual(seen, ['3', '4']);
  assert.match(log.lines[1]!, /left out held\.control offset 4 as it is not JSON/);
  await reader.close();
});

test('a run to the end is not held by a pause of before its start, and says so; by a later one it is', async () => {
  await send('bounded', commandOf('1', 'pause'));
  const { reader, log, seen, until } = await start('bounded', { untilEnd: true });
  assert.deepEqual(seen, []);
  assert.match(log.lines.join('\n'), /^warn runs to the end all the same, though bounded is paused since \S+ by u@h/);
  await send('bounded', commandOf('2', 'pause'));
  await until('2');
  await reader.close();
});

test('a broker that refuses to tell whether a pause holds is said, and later commands are seen', async () => {
  await send('refused', commandOf('1', 'pause'));
  const client = await connect({ brokers: [world.broker.address], client: 'platformatic', retryTimeoutMs: 1 });
  world.broker.faults.inject({ api: 'Fetch', errorCode: TOPIC_AUTHORIZATION_FAILED });
  const { reader, log, seen, until } = await start('refused', { client });
  assert.match(
    log.lines.join('\n'),
    /^warn cannot read from refused\.control whether a pause holds.*goes on as if none/,
  );
  await send('refused', commandOf('2', 'stop'));
  await until('2');
  assert.deepEqual(seen, ['2']);
  await reader.close();
  await client.close();
});

test('a silent broker is waited for until the time is over, or the signal comes', async () => {
  await send('silent', commandOf('1', 'pause'));
  const client = await connect({ brokers: [world.broker.address], client: 'platformatic', requestTimeoutMs: 60_000 });
  const { faults } = world.broker;
  // As long as it is, it holds this process; nothing below waits for its end.
  const silence = { api: 'Fetch', delayMs: 3000 } as const;
  const asked = async () => {
    while (faults.armedCount > 0) await new Promise((resolve) => setImmediate(resolve));
  };
  faults.inject(silence);
  let waitedMs = 0;
  const late = await start('silent', {
    client,
    // Its time is over as soon as it has asked.
    pause: async (timeMs) => {
      waitedMs = timeMs;
      await asked();
    },
  });
  assert.deepEqual([late.seen, waitedMs], [[], 5000]);
  assert.match(late.log.lines.join('\n'), /^warn cannot read from silent\.control .*: no answer within 5 s/);
  await send('silent', commandOf('2', 'resume'), commandOf('3', 'pause'));
  await late.until('3');
  assert.deepEqual(late.seen, ['2', '3'], 'it is followed all the same');
  await late.reader.close();
  faults.inject(silence);
  const stop = new AbortController();
  const starting = start('silent', { client, signal: stop.signal });
  await asked();
  stop.abort();
  const stopped = await starting;
  assert.deepEqual([stopped.seen, stopped.log.lines], [[], []]);
  await stopped.reader.close();
  await client.close();
});

/** Does this while the reader waits to try again; the rest of its waits last. */
const betweenTries =
  (act: () => Promise<void>): ControlReaderOptions['pause'] =>
  (timeMs, signal) =>
    timeMs === 1000 ? act() : new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

test('a topic that was made anew is read from its start, but for commands of before the reader', async () => {
  await send('anew', commandOf('1', 'pause'), commandOf('2', 'resume'), commandOf('3', 'resume'));
  const anew = async () => {
    if ((await world.client.admin.topics([controlTopic('anew')])).length > 0) return;
    await send('anew', commandOf('2', 'resume'), commandOf('4', 'stop'));
  };
  const { reader, log, seen, until } = await start('anew', { pause: betweenTries(anew) });
  await world.client.admin.deleteTopics([controlTopic('anew')]);
  await until('4');
  assert.deepEqual(seen, ['4']);
  assert.match(log.lines.join('\n'), /^warn cannot read anew\.control: .*does not exist$/);
  await reader.close();
});

test('of a topic that was truncated what is left is read', async () => {
  await send('cut', commandOf('1', 'resume'));
  const client = await connect({ brokers: [world.broker.address], client: 'platformatic', retryTimeoutMs: 1 });
  let tries = 0;
  const cut = async () => {
    if (++tries > 1) return;
    await send('cut', commandOf('2', 'resume'), commandOf('3', 'stop'));
    await world.client.admin.deleteRecords([{ topic: controlTopic('cut'), partition: 0, offset: 2 }]);
  };
  const { reader, seen, until } = await start('cut', { client, pause: betweenTries(cut) });
  world.broker.faults.inject({ api: 'Fetch', errorCode: TOPIC_AUTHORIZATION_FAILED, count: 2 });
  await until('3');
  assert.deepEqual([seen, tries], [['3'], 2]);
  await reader.close();
  await client.close();
});

test('a topic that ends before what is next is read from its start, though no answer was an error', async () => {
  await send('short', commandOf('1', 'resume'), commandOf('2', 'resume'));
  let isShort = true;
  const client: KafkaClient = Object.create(world.client, {
    createConsumer: {
      value: async (options: ConsumerOptions) => {
        const consumer = await world.client.createConsumer(options);
        const { endOffset } = consumer;
        consumer.endOffset = (...of) =>
          isShort ? Math.min(1, endOffset.apply(consumer, of)) : endOffset.apply(consumer, of);
        return consumer;
      },
    },
  });
  const shortened = async () => {
    isShort = false;
    await send('short', commandOf('3', 'stop'));
  };
  const { reader, log, seen, until } = await start('short', { client, pause: betweenTries(shortened) });
  await until('3');
  assert.deepEqual(seen, ['3']);
  assert.match(log.lines.join('\n'), /^warn cannot read short\.control: it ends at 1, before offset 2, which is next$/);
  await reader.close();
});
