import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ensureJournal } from '../../../src/runtime/journal/journalTopic.ts';
import { startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const refused = (message: RegExp) => (error: unknown) => {
  const { code, message: text, hint } = error as { code?: string; message: string; hint?: string };
  assert.match(`${code} ${text}; ${hint}`, message);
  return true;
};

test('a journal of ours keeps everything; one that somebody made is refused or warned of', async () => {
  const { admin } = world.client;
  assert.equal(await ensureJournal(admin, 'own.journal', 2), undefined);
  assert.equal(await ensureJournal(admin, 'own.journal', 2), undefined);
  await assert.rejects(ensureJournal(admin, 'own.journal', 3), refused(/ANM_CONFIG .*2 partitions.*add-partitions/));
  const make = (name: string, configs: Record<string, string>) =>
    admin.createTopics([{ name, partitions: 1, configs }]);
  await make('compacted.journal', { 'cleanup.policy': 'compact' });
  await assert.rejects(
    ensureJournal(admin, 'compacted.journal', 1),
    refused(/ANM_CONFIG .*compacted.*cleanup\.policy=delete/),
  );
  await make('short.journal', { 'retention.ms': '604800000', 'retention.bytes': '-1' });
  assert.match((await ensureJournal(admin, 'short.journal', 1))!, /short\.journal has retention\.ms=604800000:/);
});
