import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { replay } from '../../src/commands/replay.ts';
import { score } from '../../src/commands/score.ts';
import { window } from '../../src/commands/window.ts';
import { splitWords } from '../helpers/words.ts';
import { type JsonRecord, readTopic, send, startWorld, type World } from '../helpers/world.ts';

/** The examples of README and of help do what they say: they run, and something comes out of their last stage. */
let world: World;
const MINUTES = 9 * 1440;

before(async () => {
  world = await startWorld();
  const now = Math.floor(Date.now() / 60_000) * 60_000;
  const times = Array.from({ length: MINUTES }, (_, i) => now - (MINUTES - 1 - i) * 60_000);
  const level = (i: number) =>
    50 + 9 * Math.sin((i * Math.PI) / 720) + ((i * 7919) % 13) / 10 + (i > 12_000 && i < 12_030 ? 80 : 0);
  const rows = times.map((timeMs, i) => `${new Date(timeMs).toISOString()},${level(i).toFixed(3)}`);
  for (const name of ['pump.csv', 'nab.csv'])
    writeFileSync(join(world.dir, name), `timestamp,value\n${rows.join('\n')}\n`);
  const records = times.map((timestamp, i): JsonRecord => {
    return { partition: 0, key: 'pump-1', timestamp, value: { sensor_id: 'pump-1', ts: timestamp, value: level(i) } };
  });
  await send(world.client, 'sensors', 4, records);
  const pipeline = 'version: 1\npipeline: pump-room\nsource: {topics: [sensors], key: sensor_id, time: ts}\n';
  writeFileSync(
    join(world.dir, 'pump-room.yaml'),
    `${pipeline}windows: [{name: w5m, type: tumbling, size: 5m}]\nsinks: {windows: sensors.windows}\n`,
  );
  const { code, stderr } = await world.run(['run', '--config', 'pump-room.yaml', '--until', 'end']);
  assert.equal(code, 0, stderr);
});
after(() => world.close());

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\$ anomaly (replay|window|score) /.test(line))
  .map((line) => line.slice(2));
const helped = [replay, window, score].flatMap(({ examples }) => examples.map(({ command }) => command));

test('README has an example of stages in pipes', () => assert.ok(readme.length > 0));

for (const [number, command] of [...readme, ...helped].entries()) {
  test(command, async () => {
    let stdin = '';
    let said = '';
    for (const part of command.split(' | ')) {
      const [, ...argv] = splitWords(part);
      // A stage on a topic goes on for ever; and two with other windows are two groups.
      if (/^(window|score) [^-]/.test(argv.join(' '))) argv.push('--until', 'end', '--group', `example-${number}`);
      const { code, stdout, stderr } = await world.run(argv, { stdin });
      assert.equal(code, 0, `${part}: ${stderr}`);
      stdin = stdout;
      said = stderr;
    }
    const rows = stdin.split('\n').filter((line) => /^\{"type":"(window|anomaly)"/.test(line));
    assert.ok(rows.length > 0 || /[1-9][\d,]* (to|records from) sensors/.test(stdin), `${stdin}${said}`);
  });
}

test('the topics that the comments of the examples name are those that were written', async () => {
  const named = [...window.examples, ...score.examples].flatMap(
    ({ comment }) => comment.match(/\bsensors\.\w+/g) ?? [],
  );
  assert.deepEqual(named, ['sensors.windows', 'sensors.anomalies']);
  for (const topic of named) assert.ok((await readTopic(world, topic)).flat().length > 0, topic);
});
