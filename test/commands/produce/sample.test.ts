import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { temporaryFiles } from '../../helpers/files.ts';
import { readTopic, startWorld, type World } from '../../helpers/world.ts';

const START = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

test('rows beyond the sample may lack a value or have a fraction; identifiers stay whole', async () => {
  const rows = Array.from({ length: 30 }, (_, i) => `${START + i},${i},${i < 20 ? i : i === 25 ? '' : i + 0.5}`);
  const files = temporaryFiles({ 'later.csv': `ts,pump_id,value\n${rows.join('\n')}\n` });
  const argv = ['produce', 'later.csv', '--topic', 'later', '--sample', '10', '--key', 'pump_id'];
  const { code, stdout, stderr } = await world.run([...argv, '-o', 'json'], { cwd: files.path });
  assert.equal(code, 0, stderr);
  assert.deepEqual([JSON.parse(stdout).rows, JSON.parse(stdout).rejected], [30, 0]);
  const values = (await readTopic(world, 'later')).flat().map((row) => row['value'] as Record<string, unknown>);
  const byId = new Map(values.map(({ pump_id, value }) => [pump_id, value]));
  assert.deepEqual([byId.get(5), byId.get(25), byId.get(29)], [5, null, 29.5]);
});

test('a folder is read without the rejects of an earlier load', async () => {
  const files = temporaryFiles({
    'in/a.csv': `ts,value\n${START},1\nnonsense,2\n${START + 1000},3\n${START + 2000},4\n`,
    'in/t.rejects.ndjson': '{"file":"a.csv","line":3,"reason":"no time","raw":"nonsense,2"}\n',
  });
  const { code, stdout, stderr } = await world.run(
    ['produce', 'in', '--topic', 'again', '--max-errors', '50%', '-o', 'json'],
    { cwd: files.path },
  );
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).files?.length ?? 1, 1);
  const values = (await readTopic(world, 'again')).flat().map((row) => Object.keys(row['value'] as object).sort());
  assert.deepEqual(new Set(values.map(String)), new Set(['series,ts,value']));
});

test('the column that keys the rows is found in files that are longer than the sample, too', async () => {
  for (const rows of [10, 11]) {
    const lines = Array.from({ length: rows }, (_, i) => `${START + i},pump-${i % 3},${i}`);
    const files = temporaryFiles({ 'k.csv': `ts,sensor_id,value\n${lines.join('\n')}\n` });
    const argv = ['produce', 'k.csv', '--topic', `keyed-${rows}`, '--sample', '10'];
    const { code, stderr } = await world.run(argv, { cwd: files.path });
    assert.equal(code, 0, stderr);
    const keys = (await readTopic(world, `keyed-${rows}`)).flat().map((row) => row['key']);
    assert.deepEqual(new Set(keys), new Set(['pump-0', 'pump-1', 'pump-2']));
  }
});

for (const rows of [0, 3, 30]) {
  test(`SIGINT while stdin stays open after ${rows} rows: what came is sent, and it ends with 130`, async () => {
    const stdin = new PassThrough();
    const signals = new EventEmitter();
    const lines = Array.from({ length: rows }, (_, i) => `{"ts":${START + i * 1000},"id":"a","value":${i}}\n`);
    stdin.write(lines.join(''));
    const topic = `open-${rows}`;
    const argv = ['produce', '-', '--topic', topic, '--key', 'id', '--sample', '10'];
    const running = world.run(argv, { stdin, signals });
    // The stream has handed over what it has, and the reader waits for more.
    while (stdin.readableLength > 0 || signals.listenerCount('SIGINT') === 0) await new Promise(setImmediate);
    signals.emit('SIGINT');
    const { code, stderr } = await running;
    assert.equal(code, 130, stderr);
    const sent = rows === 0 ? [] : (await readTopic(world, topic)).flat();
    assert.equal(sent.length, rows);
  });
}

test('a time that is finer than the rows of the sample showed is a bad row, and is not cut', async () => {
  const rows = Array.from(
    { length: 20 },
    (_, i) => `2026-01-01T00:00:${String(i).padStart(2, '0')}${i === 15 ? '.123456' : ''}Z,${i}`,
  );
  const files = temporaryFiles({ 'fine.csv': `ts,value\n${rows.join('\n')}\n` });
  const argv = ['produce', 'fine.csv', '--topic', 'fine', '--sample', '10', '-o', 'json'];
  const { code, stdout, stderr } = await world.run(argv, { cwd: files.path });
  assert.equal(code, 0, stderr);
  assert.deepEqual([JSON.parse(stdout).rows, JSON.parse(stdout).rejected], [19, 1]);
  const whole = await world.run(
    [...argv, '--sample', '100'].map((word) => (word === 'fine' ? 'finer' : word)),
    { cwd: files.path },
  );
  assert.deepEqual([JSON.parse(whole.stdout).rows, JSON.parse(whole.stdout).rejected], [20, 0]);
});
