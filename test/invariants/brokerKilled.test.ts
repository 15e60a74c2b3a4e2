import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { scratch } from '../broker/helpers/diskLog.ts';
import { batchOf, RawClient } from '../broker/helpers/rawClient.ts';
import { killDevs, startDev } from './helpers/dev.ts';
import { seeded } from './helpers/readings.ts';

// `anomaly dev --data` in a process of its own is killed in the middle of a produce, again and again. What it answered is
// there at the next start, once, in order; what it did not answer is there once, or sent again.

const KILLS = 20;
const PARTITIONS = 3;
const TOPIC = 'kept';
const dirs: { remove(): void }[] = [];
afterEach(killDevs);
after(() => {
  for (const dir of dirs) dir.remove();
});

/** An idempotent producer of one partition, one batch at a time: it sends what was not answered again. */
class Sender {
  acknowledged = 0;
  private readonly partition: number;
  private readonly producerId: number;
  private pending: { readonly baseSequence: number; readonly count: number } | null = null;
  private sequence = 0;

  constructor(partition: number, producerId: number) {
    this.partition = partition;
    this.producerId = producerId;
  }

  /** Sends until the connection breaks. */
  async run(client: RawClient, random: () => number): Promise<void> {
    for (;;) {
      this.pending ??= { baseSequence: this.sequence, count: 1 + Math.floor(random() * 40) };
      const { baseSequence, count } = this.pending;
      const values = Array.from({ length: count }, (_, i) => `${this.partition}:${baseSequence + i}:${'x'.repeat(50)}`);
      const batch = batchOf(values, Date.now(), { producerId: this.producerId, producerEpoch: 0, baseSequence });
      const answer = await client.produce(TOPIC, this.partition, batch).catch(() => null);
      if (answer === null) return;
      assert.equal(answer.errorCode, 0);
      assert.equal(answer.baseOffset, baseSequence, 'once, and in order');
      this.sequence += count;
      this.acknowledged = this.sequence;
      this.pending = null;
    }
  }
}

async function endsOf(client: RawClient): Promise<number[]> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 }));
  const { topics } = await client.send('ListOffsets', 6, { topics: [{ name: TOPIC, partitions }] });
  return topics[0]!.partitions.map(({ offset }) => offset);
}

for (const fsync of ['always', 'interval', 'never']) {
  test(`killed ${KILLS} times with --fsync ${fsync}: nothing acknowledged is lost, nothing is there twice`, async (t) => {
    const dir = scratch();
    dirs.push(dir);
    const random = seeded(4_711);
    const flags = ['--data', dir.path, '--fsync', fsync];
    let dev = await startDev(...flags);
    let client = await RawClient.to({ host: '127.0.0.1', port: dev.port });
    await client.createTopic(TOPIC, PARTITIONS, { 'segment.bytes': '100000' });
    const senders: Sender[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { producerId } = await client.send('InitProducerId', 3, { transactionalId: null });
      senders.push(new Sender(partition, producerId));
    }
    let cuts = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const target = senders.reduce((sum, { acknowledged }) => sum + acknowledged, 0) + Math.floor(random() * 2000);
      const clients = await Promise.all(senders.map(() => RawClient.to({ host: '127.0.0.1', port: dev.port })));
      const runs = senders.map((sender, i) => sender.run(clients[i]!, random));
      while (senders.reduce((sum, { acknowledged }) => sum + acknowledged, 0) < target) {
        await client.send('ApiVersions', 0, {});
      }
      dev.child.kill('SIGKILL');
      await Promise.all([...runs, dev.ended]);
      dev = await startDev(...flags);
      cuts += dev.stderr().split('recovery cut').length - 1;
      client = await RawClient.to({ host: '127.0.0.1', port: dev.port });
      const ends = await endsOf(client);
      senders.forEach(({ acknowledged }, i) => {
        assert.ok(
          ends[i]! >= acknowledged,
          `partition ${i} ends at ${ends[i]} after ${acknowledged} were acknowledged`,
        );
      });
    }
    for (const [partition, end] of (await endsOf(client)).entries()) {
      await assertWhole(client, partition, end);
    }
    t.diagnostic(
      `${senders.map(({ acknowledged }) => acknowledged).join(', ')} records acknowledged, ${cuts} tails cut`,
    );
    dev.child.kill('SIGTERM');
    await dev.ended;
  });
}

/** Every offset has the record that was sent for it. */
async function assertWhole(client: RawClient, partition: number, end: number): Promise<void> {
  let found = 0;
  for (let next = 0; next < end; ) {
    const { records } = await client.fetch(TOPIC, partition, next);
    const text = records!.toString('latin1');
    for (const [, at, number] of text.matchAll(/(\d+):(\d+):x{50}/g)) {
      assert.equal(Number(at), partition);
      if (Number(number) < next) continue;
      assert.equal(Number(number), next);
      next++;
      found++;
    }
  }
  assert.equal(found, end);
}

test('a write torn by a crash point is cut at the next start, and the producer sends it again', async () => {
  const dir = scratch();
  dirs.push(dir);
  for (const crash of ['torn', 'handled', 'synced', 'answered', 'received']) {
    const data = `${dir.path}/${crash}`;
    const dev = await startDev('--data', data, '--fsync', 'always', '--fault', `Produce:crash=${crash},skip=1`);
    const client = await RawClient.to({ host: '127.0.0.1', port: dev.port });
    await client.createTopic(TOPIC, 1);
    const { producerId } = await client.send('InitProducerId', 3, { transactionalId: null });
    const send = (to: RawClient, baseSequence: number) =>
      to.produce(TOPIC, 0, batchOf([`v${baseSequence}`], Date.now(), { producerId, producerEpoch: 0, baseSequence }));
    assert.equal((await send(client, 0)).baseOffset, 0);
    const second = await send(client, 1).catch(() => null);
    assert.equal(second?.baseOffset, crash === 'answered' ? 1 : undefined, crash);
    assert.equal(await dev.ended, 'SIGKILL', crash);
    const again = await startDev('--data', data);
    const other = await RawClient.to({ host: '127.0.0.1', port: again.port });
    assert.equal(/recovery cut \d+ bytes off .*behind offset 0/.test(again.stderr()), crash === 'torn', crash);
    const isThere = crash !== 'torn' && crash !== 'received';
    assert.equal((await other.fetch(TOPIC, 0, 0)).highWatermark, isThere ? 2 : 1, crash);
    assert.equal((await send(other, 1)).baseOffset, 1, crash);
    again.child.kill('SIGTERM');
    await again.ended;
  }
});

test('schemas outlive a kill under their ids', async () => {
  const dir = scratch();
  dirs.push(dir);
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
  const register = async (url: string, subject: string, schema: string) => {
    const body = JSON.stringify({ schema });
    const response = await fetch(`${url}/subjects/${subject}/versions`, { method: 'POST', headers, body });
    return ((await response.json()) as { id: number }).id;
  };
  const first = await startDev('--data', dir.path);
  const ids = [await register(first.registryUrl, 'a', '"int"'), await register(first.registryUrl, 'b', '"string"')];
  await fetch(`${first.registryUrl}/subjects/a`, { method: 'DELETE' });
  await fetch(`${first.registryUrl}/config/b`, { method: 'PUT', headers, body: '{"compatibility":"FULL"}' });
  first.child.kill('SIGKILL');
  await first.ended;
  const again = await startDev('--data', dir.path);
  const get = async (path: string) => (await fetch(again.registryUrl + path)).json();
  assert.deepEqual(await get('/subjects'), ['b']);
  assert.deepEqual(await get('/subjects?deleted=true'), ['a', 'b']);
  assert.deepEqual(await get(`/schemas/ids/${ids[1]}`), { schema: '"string"' });
  assert.deepEqual(await get('/config/b'), { compatibilityLevel: 'FULL' });
  assert.equal(await register(again.registryUrl, 'c', '"long"'), ids[1]! + 1);
  again.child.kill('SIGTERM');
  await again.ended;
});
