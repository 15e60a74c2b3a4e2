import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { outboxTopic } from '../../src/alerts/stage/outbox.ts';
import { AlertStage } from '../../src/runtime/alerts/alertStage.ts';
import { readOutbox } from '../../src/runtime/alerts/outboxReader.ts';
import { append, startWorld, type World } from '../helpers/world.ts';
import { type Child, killTheRest, startAnomaly } from './helpers/child.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { seeded } from './helpers/readings.ts';

const KILLS = Number(process.env['ANOMALY_TEST_KILLS'] ?? 10);
const SEED = Number(process.env['ANOMALY_TEST_SEED'] ?? 41);
const PIPELINE = 'plant';
const PARTITIONS = 2;
const ALERTS_A_ROUND = 6;
/** Longer than a session. */
const LEAP_MS = 15_000;
/** By the time that passes in the process, longer than one that is sure of the stage goes without a round. */
const STILL_MS = 7000;
const clock = new LeapClock();
let world: World;
let receiver: Receiver;
before(async () => {
  world = await startWorld({ clock });
  receiver = await Receiver.start();
});
afterEach(killTheRest);
after(async () => {
  await receiver.close();
  await world.close();
});

/** A webhook that may keep its answer to itself. */
class Receiver {
  readonly got: { readonly id: string; readonly revision: number; readonly status: string }[] = [];
  /** Ids whose request was answered. */
  readonly answered = new Set<string>();
  isMute = false;
  /** Answers 503. */
  isFailing = false;
  readonly #server: Server;
  readonly #held: ServerResponse[] = [];
  #waiting: (() => void)[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const one = JSON.parse(body) as Receiver['got'][number];
        this.got.push(one);
        if (this.isFailing) {
          response.statusCode = 503;
          response.end();
        } else if (this.isMute) this.#held.push(response);
        else {
          this.answered.add(one.id);
          response.end();
        }
        for (const look of this.#waiting.splice(0)) look();
      });
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Once that holds; looked at with each request. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    for (const response of this.#held) response.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Alerts of series of their own, each an incident of its own. */
async function put(from: number, count: number, state = 'open'): Promise<void> {
  const producer = await world.client.createProducer();
  for (let i = from; i < from + count; i++) {
    const now = Date.now();
    const series = `series-${i}`;
    const value = {
      ...{
        id: `kpi@value/${series}/${now}/1`,
        series,
        field: 'value',
        rule: 'kpi@value',
        start: now + i,
        end: now + i,
      },
      ...{ value: 9, score: 3, threshold: 2.5, parts: [], record_time: now, state },
    };
    append(producer, `${PIPELINE}.anomalies`, { partition: i % PARTITIONS, key: series, value, timestamp: now });
  }
  await producer.flush();
  await producer.close();
}

const start = (): Child =>
  startAnomaly(world, [
    ...['alerts', 'run', PIPELINE, '-X', `alerts.sinks=webhook=${receiver.url}`, '-X', 'alerts.rate_limit=off'],
    ...['-X', 'alerts.group_within=0s', '-X', 'commit_every=50ms', '-X', 'checkpoint.every=1s'],
  ]);

async function outboxEnd(): Promise<number> {
  const [end] = await world.client.admin.listOffsets([{ topic: outboxTopic(PIPELINE), partition: 0 }], 'latest');
  return end!.offset;
}

test('kill -9 of the alert stage loses no page, counts no alert twice, and repeats a page only under its key', async (t) => {
  t.diagnostic(`seed ${SEED} (ANOMALY_TEST_SEED), ${KILLS} kills`);
  await world.client.admin.createTopics([{ name: `${PIPELINE}.anomalies`, partitions: PARTITIONS }]);
  await AlertStage.prepare({ client: world.client, config: { pipeline: PIPELINE } as never });
  const random = seeded(SEED);
  let sent = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = start();
    const [had, end] = [receiver.got.length, await outboxEnd()];
    receiver.isMute = random() < 0.4;
    await put(sent, ALERTS_A_ROUND);
    sent += ALERTS_A_ROUND;
    // Where it dies: as it takes over, as records reach the outbox, or as pages reach the receiver.
    const place = random();
    if (place < 0.2) await child.says(/alert stage of plant: reads/);
    else if (place < 0.5) {
      const more = 1 + Math.floor(random() * 8);
      while ((await outboxEnd()) < end + more);
    } else {
      // One that gets no answer keeps those behind it waiting.
      const more = receiver.isMute ? 1 : 1 + Math.floor(random() * ALERTS_A_ROUND);
      await receiver.until(() => receiver.got.length >= had + more);
    }
    child.kill('SIGKILL');
    await child.ended;
    clock.leap(LEAP_MS);
  }
  receiver.isMute = false;
  const last = start();
  await receiver.until(() => receiver.answered.size >= sent);
  last.kill('SIGTERM');
  const { code, stderr } = await last.ended;
  assert.equal(code, 0, stderr);
  const records = await readOutbox(world.client, PIPELINE, new AbortController().signal);
  const incidents = records.flatMap(({ record }) => (record?.type === 'incident' ? [record] : []));
  assert.deepEqual(
    incidents.map(({ notification, isTold }) => [notification.series.length, notification.revision, isTold]),
    incidents.map(() => [1, 1, true]),
  );
  assert.equal(new Set(incidents.flatMap(({ notification }) => notification.series)).size, sent);
  const book = records.find(({ key }) => key === '~book/anomaly')!.record as { state: { alerts: number } };
  assert.equal(book.state.alerts, sent, 'each alert was taken once');
  const ids = new Set(incidents.map(({ notification }) => notification.id));
  assert.deepEqual([...receiver.answered].sort(), [...ids].sort(), 'all were told, and nothing else');
  assert.deepEqual(
    [...new Set(receiver.got.map(({ id, revision, status }) => `${ids.has(id)} ${revision} ${status}`))],
    ['true 1 open'],
    'what came again came under the same key',
  );
  t.diagnostic(`${sent} pages, ${receiver.got.length} requests`);
});

test('a stage that stood still while another took over opens nothing that the other has resolved', async () => {
  const first = 1000;
  receiver.isFailing = true;
  const frozen = start();
  await frozen.says(/alert stage of plant: reads/);
  const had = receiver.got.length;
  await put(first, 1);
  await receiver.until(() => receiver.got.length > had);
  // It waits to ask again.
  await frozen.says(/answered 503/);
  frozen.kill('SIGSTOP');
  const frozenMs = performance.now();
  clock.leap(LEAP_MS);
  receiver.isFailing = false;
  const next = start();
  const { id } = receiver.got.at(-1)!;
  await receiver.until(() => receiver.answered.has(id));
  await put(first, 1, 'resolved');
  await receiver.until(() => receiver.got.some((one) => one.id === id && one.status === 'resolved'));
  // Time of the frozen process has to pass: nothing else makes it unsure.
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, STILL_MS - (performance.now() - frozenMs))));
  frozen.kill('SIGCONT');
  frozen.kill('SIGTERM');
  next.kill('SIGTERM');
  await Promise.all([frozen.ended, next.ended]);
  assert.equal(receiver.got.filter((one) => one.id === id).at(-1)?.status, 'resolved');
});
