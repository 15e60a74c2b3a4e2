import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const add = (...flags: string[]) =>
  world.run(['alerts', 'silence', 'add', 'series=pump-7', '--pipeline', 'p', ...flags, '-o', 'json']);

test('times without a zone are UTC, as those that the tool prints, and are said', async () => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'America/New_York';
  try {
    const { code, stdout, stderr } = await add('--from', '2099-11-27T22:00', '--to', '2099-11-28 01:00:00');
    assert.equal(code, 0, stderr);
    const { starts_ms: starts, ends_ms: ends } = JSON.parse(stdout) as { starts_ms: number; ends_ms: number };
    assert.deepEqual([starts, ends], [Date.UTC(2099, 10, 27, 22), Date.UTC(2099, 10, 28, 1)]);
    assert.match(stderr, /from 2099-11-27T22:00:00\.000Z to 2099-11-28T01:00:00\.000Z/);
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test('two ends, and what is no time, are refused', async () => {
  const both = await add('--for', '2h', '--to', '2099-11-28T01:00Z');
  assert.deepEqual([both.code, /by --for or by --to/.test(both.stderr)], [2, true], both.stderr);
  const none = await add('--to', 'tomorrow');
  assert.deepEqual([none.code, /--to wants a time as 2026-01-31T08:00:00Z, got tomorrow/.test(none.stderr)], [2, true]);
});
