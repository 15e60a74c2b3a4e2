import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { StdoutSink, TopicSink } from '../../../src/alerts/sinks/lineSinks.ts';
import { incident } from '../../helpers/delivery.ts';

const BASE = { name: 's', timeoutMs: 60_000, updates: 'all', minSeverity: 'info', test: false } as const;
const BATCH = ['a', 'b'].map((id) => ({ told: 'open', notification: incident(id) }) as const);

test('stdout gets a line of JSON a notification, and a stream that is closed is a failure', async () => {
  let text = '';
  const stream = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done();
    },
  });
  assert.deepEqual(await new StdoutSink(BASE, stream).send(BATCH), { kind: 'delivered' });
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ id, status, revision }) => [id, status, revision]),
    [
      ['a', 'open', 1],
      ['b', 'open', 1],
    ],
  );
  const broken = new Writable({ write: (_, __, done) => done(new Error('EPIPE')) });
  broken.on('error', () => {});
  assert.equal((await new StdoutSink(BASE, broken).send(BATCH)).kind, 'retry');
});

test('a topic gets a record a notification under its id, and is taken when all are', async () => {
  const records: [string, string, number][] = [];
  let fails = false;
  const sink = new TopicSink(BASE, {
    publish: async (key, value, atMs) => {
      if (fails) throw new Error('the broker is gone');
      records.push([key, JSON.parse(value).id, atMs]);
    },
    close: async () => {},
  });
  assert.deepEqual(await sink.send(BATCH), { kind: 'delivered' });
  assert.deepEqual(
    records,
    BATCH.map(({ notification: { id, updatedMs } }) => [id, id, updatedMs]),
  );
  fails = true;
  assert.deepEqual(await sink.send(BATCH), { kind: 'retry', problem: 'the broker is gone', isUnreachable: true });
});
