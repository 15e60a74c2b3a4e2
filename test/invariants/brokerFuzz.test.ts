import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import { requestFrame } from '../../src/broker/protocol/apis.ts';
import { anyRequest, bentFrame, cutFrame, frameOf, noFrame, noisyFrame } from '../broker/helpers/anyRequest.ts';
import { batchOf, RawClient } from '../broker/helpers/rawClient.ts';
import { type Dev, killDevs, startDev } from './helpers/dev.ts';

// Whatever bytes reach the broker's port: an answer or a closed connection, never the end of the process; memory stays
// bounded, and a client beside it notices nothing.

const RUNS = 4000;
const SEED = 20_262;
const AT_ONCE = 16;
const MIB = 2 ** 20;
/** What the process may take, the logs' --max-memory of 128 MiB and a runtime of about 100 MiB included. */
const MOST_RSS_BYTES = 600 * MIB;
afterEach(killDevs);

/** A client that goes on producing and consuming, and checks every offset and value. */
class Bystander {
  rounds = 0;
  private readonly client: RawClient;
  private isOver = false;
  private readonly running: Promise<void>;

  private constructor(client: RawClient) {
    this.client = client;
    this.running = this.run();
  }

  static async start(dev: Dev): Promise<Bystander> {
    const client = await RawClient.to({ host: '127.0.0.1', port: dev.port });
    await client.createTopic('bystander', 1, { 'retention.ms': '-1' });
    return new Bystander(client);
  }

  /** Once it has gone on for some rounds more. */
  async stop(): Promise<void> {
    const enough = this.rounds + 10;
    while (this.rounds < enough && !this.isOver) await Promise.race([this.running, new Promise(setImmediate)]);
    this.isOver = true;
    await this.running;
    this.client.close();
  }

  private async run(): Promise<void> {
    for (; !this.isOver; this.rounds++) {
      const { baseOffset, errorCode } = await this.client.produce(
        'bystander',
        0,
        batchOf([`v${this.rounds}`], Date.now()),
      );
      assert.deepEqual([errorCode, baseOffset], [0, this.rounds]);
      const { records } = await this.client.fetch('bystander', 0, this.rounds);
      assert.ok(records!.includes(`v${this.rounds}`));
    }
  }
}

/** Sends bytes, then a request that is right; resolves when that is answered or the connection is closed. */
async function attack(dev: Dev, bytes: Buffer): Promise<'answered' | 'closed'> {
  const socket = connect(dev.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const closed = once(socket, 'close').then(() => 'closed' as const);
  // The end of what is sent ends a frame that is not whole.
  socket.end(Buffer.concat([bytes, ...requestFrame('ApiVersions', 0, 0x0badcafe, null, {})]));
  const answered = answerTo(socket, 0x0badcafe);
  const outcome = await Promise.race([answered, closed]);
  socket.destroy();
  return outcome;
}

function answerTo(socket: Socket, correlationId: number): Promise<'answered'> {
  const wanted = Buffer.alloc(4);
  wanted.writeInt32BE(correlationId);
  let seen = Buffer.alloc(0);
  return new Promise((resolve) => {
    socket.on('data', (piece: Buffer) => {
      seen = Buffer.concat([seen, piece]);
      if (seen.includes(wanted)) resolve('answered');
    });
  });
}

function rssBytes({ child }: Dev): number {
  if (process.platform !== 'linux') return 0;
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

async function assertUnharmed(dev: Dev, bystander: Bystander): Promise<void> {
  await bystander.stop();
  assert.equal(dev.child.exitCode, null, dev.stderr());
  // A request that no handler foresaw is closed too, but it is a bug of the broker.
  assert.doesNotMatch(dev.stderr(), /a request failed/);
  assert.ok(rssBytes(dev) < MOST_RSS_BYTES, `${Math.round(rssBytes(dev) / MIB)} MiB`);
}

const kinds: Readonly<Record<string, fc.Arbitrary<Buffer>>> = {
  'any request of any API and version': anyRequest.map(frameOf),
  'requests cut short': cutFrame,
  'requests with bytes changed': bentFrame,
  'a right header and noise': noisyFrame,
  'bytes that are no frame, and lengths that lie': noFrame,
};
test('whatever arrives, the broker answers or closes, and others notice nothing', async (t) => {
  const dev = await startDev('--max-memory', '128MiB');
  const bystander = await Bystander.start(dev);
  for (const [kind, frames] of Object.entries(kinds)) {
    const all = fc.sample(frames, { numRuns: RUNS, seed: SEED });
    const outcomes = { answered: 0, closed: 0 };
    const worker = async () => {
      for (let frame = all.pop(); frame !== undefined; frame = all.pop()) outcomes[await attack(dev, frame)]++;
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    t.diagnostic(
      `${kind}: ${outcomes.answered} answered, ${outcomes.closed} closed, ${Math.round(rssBytes(dev) / MIB)} MiB`,
    );
  }
  await assertUnharmed(dev, bystander);
  dev.child.kill('SIGTERM');
  await dev.ended;
});

test('claims of much more than is sent, and messages that would grow when they are read, take little', async (t) => {
  const dev = await startDev('--max-memory', '128MiB');
  const bystander = await Bystander.start(dev);
  const claims: Socket[] = [];
  for (let i = 0; i < 200; i++) {
    const socket = connect(dev.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(Buffer.from('06400000aabb', 'hex'));
    claims.push(socket);
  }
  // Metadata 12: topics of two bytes each, no id, a name of no length; and their number as large as it goes.
  for (const elements of [200_000, 2_000_000, 0x7ffffff0]) {
    const body = Buffer.alloc(8 * MIB - 100);
    const frame = Buffer.alloc(4 + 8 + 2 + 1 + 5);
    frame.writeInt32BE(frame.length - 4 + body.length, 0);
    frame.writeInt16BE(3, 4);
    frame.writeInt16BE(12, 6);
    frame.writeInt16BE(-1, 12);
    for (let rest = elements, at = 15; at < 20; at++, rest = Math.floor(rest / 128)) {
      frame[at] = (rest & 127) | (at < 19 ? 128 : 0);
    }
    const outcome = await attack(dev, Buffer.concat([frame, body]));
    if (elements > 250_000) assert.equal(outcome, 'closed');
  }
  t.diagnostic(`${Math.round(rssBytes(dev) / MIB)} MiB`);
  for (const socket of claims) socket.destroy();
  await assertUnharmed(dev, bystander);
  dev.child.kill('SIGTERM');
  await dev.ended;
});

test('when the bound on memory is reached, produce is refused and everything else goes on', async () => {
  const dev = await startDev('--max-memory', '2MiB');
  const client = await RawClient.to({ host: '127.0.0.1', port: dev.port });
  await client.createTopic('t', 1, { 'max.message.bytes': '2000000' });
  const batch = () => batchOf(['x'.repeat(300_000)], Date.now());
  let last = 0;
  for (let i = 0; i < 20 && last === 0; i++) last = (await client.produce('t', 0, batch())).errorCode;
  assert.equal(last, 56);
  const { highWatermark, records } = await client.fetch('t', 0, 0);
  assert.ok(highWatermark > 2);
  assert.ok(records!.length > 0);
  await client.send('DeleteTopics', 5, { topicNames: ['t'] });
  await client.createTopic('u', 1);
  assert.equal((await client.produce('u', 0, batchOf(['room again'], Date.now()))).errorCode, 0);
  client.close();
  dev.child.kill('SIGTERM');
  await dev.ended;
});
