// A snapshot that was altered is left aside by name, and the previous one taken; with none left a run does not begin empty.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ObjectCheckpointStore } from '../../src/stores/checkpoints/objectCheckpointStore.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { MemoryStore } from '../stores/helpers/memoryStore.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Lives, type OpenCheckpoints, PARTITIONS } from './helpers/lives.ts';
import { seeded } from './helpers/readings.ts';

const SEED = Number(process.env['ANOMALY_TEST_SEED'] ?? 28);
const LIVES = 5;
const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
after(() => world.close());

const openOn =
  (store: MemoryStore): OpenCheckpoints =>
  (group, cluster) =>
    new ObjectCheckpointStore({ store, group, cluster });

const manifestsOf = (store: MemoryStore, partition: number) =>
  store.puts.filter(
    (name) => name.includes(`-${partition}/`) && name.endsWith('/manifest.json') && store.objects.has(name),
  );

test('the newest snapshot of a partition has one changed bit: the one before serves, and it is said', async (t) => {
  t.diagnostic(`seed ${SEED} (ANOMALY_TEST_SEED)`);
  const random = seeded(SEED);
  const lives = await Lives.open(world, clock, 'altered', SEED);
  const store = new MemoryStore();
  const open = openOn(store);
  const altered: string[] = [];
  for (let life = 0; life < LIVES; life++) {
    const before = store.puts.length;
    const stored = (partition: number) =>
      store.puts.slice(before).filter((name) => name.includes(`-${partition}/`) && name.endsWith('/manifest.json'))
        .length;
    const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    await lives.one(open, () => all.every((partition) => stored(partition) >= 4));
    for (const partition of all) {
      const newest = (await lives.named(partition)).at(-1)!.name;
      altered.push(newest);
      const folder = newest.slice(0, newest.lastIndexOf('/') + 1);
      const files = [...store.objects.keys()].filter((name) => name.startsWith(folder));
      const { bytes } = store.objects.get(files[Math.floor(random() * files.length)]!)!;
      bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
    }
  }
  await lives.assertAsUndisturbed(open, openOn(new MemoryStore()));
  const said = lives.log.lines.filter((line) => line.includes('left aside checkpoint')).join('\n');
  for (const name of altered) assert.ok(said.includes(name), `${name} was left aside:\n${said}`);
  t.diagnostic(`${altered.length} snapshots were altered and left aside`);
});

test('no snapshot of a partition is left whole: the run refuses to begin with empty windows', async () => {
  const lives = await Lives.open(world, clock, 'ruined', SEED);
  const store = new MemoryStore();
  const open = openOn(store);
  await lives.one(open, () => manifestsOf(store, 0).length >= 4);
  for (const name of manifestsOf(store, 0)) store.objects.get(name)!.bytes.fill(0);
  await assert.rejects(lives.assertAsUndisturbed(open, openOn(new MemoryStore())), { code: 'ANM_STATE_CORRUPT' });
});
