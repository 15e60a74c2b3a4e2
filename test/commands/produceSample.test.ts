import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { temporaryFiles } from '../helpers/files.ts';
import { readTopic, startWorld, type World } from '../helpers/world.ts';

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
