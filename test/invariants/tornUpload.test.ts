// A checkpoint is whole or it is none: what was cut off in an upload is named by no journal, and never restored.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AnomalyError } from '../../src/errors.ts';
import { ObjectCheckpointStore } from '../../src/stores/checkpoints/objectCheckpointStore.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { MemoryStore } from '../stores/helpers/memoryStore.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Lives, type OpenCheckpoints, PARTITIONS } from './helpers/lives.ts';

/** A snapshot of this pipeline has eight files and the manifest. */
const MOST_PUTS = 6;
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

/** The checkpoints that the journal names load, each of them. Returns how many there are. */
async function assertNamedAreWhole(lives: Lives, open: OpenCheckpoints): Promise<number> {
  const checkpoints = open(lives.topic, (await world.client.admin.cluster()).clusterId);
  let named = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const reference of await lives.named(partition)) {
      assert.equal((await checkpoints.load(reference)).offset, reference.offset);
      named++;
    }
  }
  return named;
}

test('deaths at each put of an upload: no journal names what was torn, and the next life goes on from a whole one', async () => {
  const lives = await Lives.open(world, clock, 'torn', 17);
  const store = new MemoryStore();
  const open = openOn(store);
  // The first life has all the time it wants: there is a whole checkpoint of each partition.
  await lives.one(open, () => store.puts.filter((name) => name.endsWith('manifest.json')).length >= 2 * PARTITIONS);
  let torn = 0;
  for (let most = 1; most <= MOST_PUTS; most++) {
    let puts = 0;
    store.onPut = (name) => {
      // The probe at the start has to pass, or there is no life.
      if (/torn-\d/.test(name) && ++puts > most) throw new AnomalyError('ANM_STORE_UNREACHABLE', 'the process is dead');
    };
    await lives.one(open, () => puts > most);
    store.onPut = () => {};
    const names = [...store.objects.keys()];
    const folders = new Set(
      names.filter((name) => name.includes('/')).map((name) => name.slice(0, name.lastIndexOf('/'))),
    );
    for (const folder of folders) if (!store.objects.has(`${folder}/manifest.json`)) torn++;
    assert.ok((await assertNamedAreWhole(lives, open)) >= PARTITIONS);
  }
  assert.ok(torn > 0, 'uploads were torn');
  await lives.assertAsUndisturbed(open, openOn(new MemoryStore()));
});
