import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { ControlCommand } from '../../../src/runtime/control/command.ts';
import { append, readTopic, startWorld, type World } from '../../helpers/world.ts';
import { configOf, LogLines } from '../helpers/config.ts';
import { startMember, tapped } from '../helpers/member.ts';
import { MemoryCheckpoints } from '../helpers/memoryCheckpoints.ts';

const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function fill(topic: string, count: number): Promise<void> {
  const producer = await world.client.createProducer();
  for (let i = 0; i < count; i++) {
    append(producer, topic, { partition: 0, key: `k${i % 3}`, value: { ts: START_MS + i * 1000, value: i % 7 } });
  }
  await producer.close();
}

const savepoint = (id: string, name: string): ControlCommand => {
  return { id, command: 'savepoint', name, group: null, sentMs: 0, by: 'test' };
};

for (const guarantee of ['at-least-once', 'exactly-once']) {
  test(`${guarantee}: a savepoint that a failure cut short is not said to be there, and the next command is its own`, async () => {
    const topic = `cut-short-${guarantee}`;
    await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
    await fill(topic, 100);
    const yaml = [
      `pipeline: ${topic}`,
      `source: {topics: [${topic}], time: ts, format: json}`,
      'time: {max_ahead: off}',
      'windows: [{size: 10s}]',
      `guarantee: ${guarantee}`,
      'commit_every: 20ms',
      'sinks: {format: json}',
    ].join('\n');
    const checkpoints = new MemoryCheckpoints();
    let isStored = () => {};
    const stored = new Promise<void>((resolve) => {
      isStored = resolve;
    });
    let isBegun = false;
    checkpoints.onSave = async ({ savepoint: name }) => {
      if (name !== 'first' || isBegun) return;
      isBegun = true;
      await stored;
    };
    let throws = 0;
    const stop = new AbortController();
    const member = startMember({
      ...{ world, config: await configOf(yaml), log: new LogLines(), signal: stop.signal, checkpoints },
      wrapTask: (task) =>
        tapped(task, {
          run: (batch, from, to) => {
            if (throws-- > 0) throw new RangeError('once');
            task.run(batch, from, to);
          },
        }),
    });
    const status = () => member.statuses()[0]!;
    const until = async (isSo: () => boolean) => {
      while (!isSo()) await setTimeout(5);
    };
    const ended = member.run();
    await until(() => status().partitions[0]?.committed === 100 && status().state === 'running');
    member.command(savepoint('1', 'first'));
    await until(() => isBegun);
    throws = 1;
    await fill(topic, 1);
    await until(() => status().restarts === 1 && status().state === 'running');
    isStored();
    member.command(savepoint('2', 'second'));
    await until(() => status().applied.length >= 2 || status().state === 'failed');
    stop.abort('SIGTERM');
    await ended;
    const journal = (await readTopic(world, `${topic}.journal`)).flat().map(({ value }) => value);
    const named = (journal as { type: string; savepoint?: string; checkpoint?: string }[]).filter(
      ({ type, savepoint: name }) => type === 'snapshot' && name !== undefined,
    );
    const checkpointOf = (name: string) => named.find((each) => each.savepoint === name)?.checkpoint ?? null;
    const [first, second] = status().applied;
    assert.deepEqual([first!.id, second!.id], ['1', '2']);
    assert.equal(first!.result, checkpointOf('first'));
    assert.equal(first!.error === null, first!.result !== null);
    assert.deepEqual([second!.result, second!.error], [checkpointOf('second'), null]);
    assert.notEqual(second!.result, null);
  });
}
