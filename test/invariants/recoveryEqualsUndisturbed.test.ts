// A recovery is no new beginning: windows of all kinds, features and scores go on as if nothing had happened.
import { after, before, test } from 'node:test';
import { startWorld, type World } from '../helpers/world.ts';
import { MemoryCheckpoints } from '../runtime/helpers/memoryCheckpoints.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Lives } from './helpers/lives.ts';
import { seeded } from './helpers/readings.ts';

const LIVES = 6;
const SEED = Number(process.env['ANOMALY_TEST_SEED'] ?? 496);
const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
after(() => world.close());

test(`after ${LIVES} deaths between checkpoints of any age, all outputs are those of an undisturbed run`, async (t) => {
  t.diagnostic(`seed ${SEED} (ANOMALY_TEST_SEED)`);
  const random = seeded(SEED);
  const lives = await Lives.open(world, clock, 'recovered', SEED);
  const store = new MemoryCheckpoints();
  for (let life = 0; life < LIVES; life++) {
    let saves = 0;
    // Some lives store nothing at all, so the next one runs the records of both again.
    const isAway = random() < 0.3;
    store.onSave = () => {
      saves++;
      if (isAway) throw new Error('the store is away');
    };
    const enough = Math.floor(random() * 12);
    await lives.one(
      () => store,
      () => isAway || saves >= enough,
    );
  }
  store.onSave = () => {};
  await lives.assertAsUndisturbed(
    () => store,
    () => new MemoryCheckpoints(),
  );
  const replays = lives.log.lines.filter((line) => /restored .* records? (was|were) run again/.test(line));
  t.diagnostic(`${lives.readings.count} records; ${replays.length} partitions ran records again`);
});
