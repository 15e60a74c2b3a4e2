import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaClient } from '../../../../src/clients/client.ts';
import { connect } from '../../../../src/clients/connect.ts';
import { createRegistry } from '../../../../src/clients/createRegistry.ts';
import type { MemberStatus } from '../../../../src/observe/status.ts';
import { encodeStatus, statusKey } from '../../../../src/observe/statusRecord.ts';
import type { TuiSnapshot } from '../../../../src/observe/watch/snapshot.ts';
import { statusTopic } from '../../../../src/runtime/topics/operationTopics.ts';
import { Watcher } from '../../../../src/runtime/watch/watcher.ts';
import type { WatcherOptions } from '../../../../src/runtime/watch/watcherOptions.ts';
import type { World } from '../../../helpers/world.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A watcher of the world's cluster, or of one at another address. */
export function watcherOf(world: World, more: Partial<WatcherOptions> = {}, address = world.broker.address): Watcher {
  return new Watcher({
    connect: async () => ({
      client: await connect({ brokers: [address], client: 'platformatic', retryTimeoutMs: 1000 }),
      registry: createRegistry({ urls: [world.registryUrl] }),
    }),
    ...{ profile: null, address, pipeline: null, group: null, lagEveryMs: 200, log: () => [], logger: SILENT },
    now: Date.now,
    pause: async (timeMs, signal) => void (await delay(timeMs, undefined, { signal }).catch(() => {})),
    ...more,
  });
}

/** Looks four times a second, as the screen does, until it shows this. */
export async function shows(
  watch: Watcher,
  isSo: (snapshot: TuiSnapshot) => boolean,
  what: string,
): Promise<TuiSnapshot> {
  const untilMs = Date.now() + 120_000;
  for (;;) {
    const snapshot = watch.snapshot();
    if (isSo(snapshot)) return snapshot;
    assert.ok(Date.now() < untilMs, `${what} was not seen: ${JSON.stringify(snapshot).slice(0, 2000)}`);
    await delay(250);
  }
}

/** Writes a status as its member would. */
export async function put(client: KafkaClient, status: MemberStatus): Promise<void> {
  const producer = await client.createProducer();
  const [key, value] = [new TextEncoder().encode(statusKey(status)), encodeStatus(status)];
  producer.append(statusTopic(status.pipeline), 0, status.atMs, key, 0, key.length, value, 0, value.length);
  await producer.close();
}
