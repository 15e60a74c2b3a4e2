// What watches the criteria from outside of the pipeline: a consumer of its alerts, a scraper, a receiver of webhooks.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Consumer, KafkaClient } from '../src/clients/client.ts';
import { LatencySketch } from '../src/observe/latencySketch.ts';

/** Epoch milliseconds, from and to. */
export interface Outage {
  readonly fromMs: number;
  readonly toMs: number;
}

const isIn = (timeMs: number, { fromMs, toMs }: Outage): boolean => timeMs >= fromMs && timeMs < toMs;

/** Reads the alerts as any consumer of committed records does; a latency is from the producer's stamp to here. */
export class AlertWatch {
  seen = 0;
  readonly #alerts: { readonly sentMs: number; readonly latencyMs: number }[] = [];
  readonly #consumer: Consumer;
  #beganMs = Infinity;
  #isStopped = false;
  #reading: Promise<void> = Promise.resolve();

  private constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  static async start(client: KafkaClient, topic: string, partitions: number): Promise<AlertWatch> {
    const watch = new AlertWatch(await client.createConsumer({ isolation: 'read_committed' }));
    const places = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 }));
    await watch.#consumer.assign(places);
    watch.#reading = watch.#read();
    return watch;
  }

  begin(atMs: number): void {
    this.#beganMs = atMs;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#reading;
    await this.#consumer.close();
  }

  /** Of records that were sent in the time, and of those that were not under way within `window`. */
  figures(fromMs: number, toMs: number, window: Outage) {
    const [all, outside] = [new LatencySketch(), new LatencySketch()];
    for (const { sentMs, latencyMs } of this.#alerts) {
      if (sentMs < fromMs || sentMs >= toMs) continue;
      all.add(latencyMs);
      // What was under way when the window began was hit by it, too.
      if (sentMs >= window.toMs || sentMs + latencyMs < window.fromMs) outside.add(latencyMs);
    }
    return {
      alerts: outside.count,
      p50Ms: outside.quantileMs(0.5),
      p95Ms: outside.quantileMs(0.95),
      p99Ms: outside.quantileMs(0.99),
      maxMs: outside.maxMs,
      all: all.count,
      allP99Ms: all.quantileMs(0.99),
      allMaxMs: all.maxMs,
    };
  }

  async #read(): Promise<void> {
    while (!this.#isStopped) {
      const batch = await this.#consumer.poll(100);
      if (batch === null) continue;
      const atMs = performance.timeOrigin + performance.now();
      for (let i = 0; i < batch.count; i++) {
        this.seen++;
        const sentMs = batch.recordTimes[i]!;
        if (sentMs >= this.#beganMs) this.#alerts.push({ sentMs, latencyMs: atMs - sentMs });
      }
    }
  }
}

/** Of all members together. */
export interface Scraped {
  readonly atMs: number;
  /** Ends of the source less what the group has committed: with commits of a second it never stands at 0. */
  readonly lagRecords: number;
  readonly model: ModelCounts;
}

/** By whom the values that were asked for were scored. */
interface ModelCounts {
  readonly asked: number;
  /** By the model or its stand-in. */
  readonly scored: number;
  readonly standIn: number;
  /** Values that the model itself gave no score for. */
  readonly fallbacks: number;
}

const NO_COUNTS: ModelCounts = { asked: 0, scored: 0, standIn: 0, fallbacks: 0 };
const COUNTERS = ['asked_total', 'scored_total', 'stand_in_scored_total', 'fallbacks_total'];

const SCRAPE_MS = 1000;

/**
 * Scrapes /metrics of the members once a second, and asks the broker how much is not committed. A counter that begins anew
 * is added to what its member had before.
 */
export function startScraper(ports: readonly number[], uncommitted: () => Promise<number>) {
  const taken: Scraped[] = [];
  const counters = ports.map(() => ({ before: [0, 0, 0, 0], last: [0, 0, 0, 0] }));
  const reasons: Record<string, number>[] = ports.map(() => ({}));
  const scrape = async (): Promise<void> => {
    const texts = await Promise.all(ports.map((port) => metricsOf(port)));
    texts.forEach((text, i) => {
      if (text === null) return;
      const now = COUNTERS.map((name) => sumOf(text, `anomaly_model_${name}`));
      reasons[i] = reasonsOf(text);
      const { before, last } = counters[i]!;
      if (now[0]! < last[0]!) counters[i]!.before = before.map((value, k) => value + last[k]!);
      counters[i]!.last = now;
    });
    const total = (k: number) => counters.reduce((sum, { before, last }) => sum + before[k]! + last[k]!, 0);
    const lagRecords = await uncommitted();
    taken.push({
      atMs: Date.now(),
      lagRecords,
      model: { asked: total(0), scored: total(1), standIn: total(2), fallbacks: total(3) },
    });
  };
  let scraping = Promise.resolve();
  const timer = setInterval(() => {
    scraping = scraping.then(scrape).catch(() => {});
  }, SCRAPE_MS);
  const latest = (): Scraped => taken.at(-1) ?? { atMs: 0, lagRecords: 0, model: NO_COUNTS };
  const near = (atMs: number): Scraped => taken.find((each) => each.atMs >= atMs) ?? latest();
  return {
    latest,
    stop: async () => {
      clearInterval(timer);
      await scraping;
    },
    /** Unread records outside of `window`: the most, and the mean of the last quarter less that of the first. */
    lag: (fromMs: number, toMs: number, window: Outage) => {
      const known = taken.filter(({ atMs }) => {
        return atMs >= fromMs && atMs < toMs && !isIn(atMs, window);
      });
      const mean = (of: readonly Scraped[]) =>
        of.reduce((sum, { lagRecords }) => sum + lagRecords, 0) / Math.max(1, of.length);
      const quarter = Math.max(1, known.length >> 2);
      return {
        samples: known.length,
        mostRecords: Math.max(0, ...known.map(({ lagRecords }) => lagRecords)),
        growth: mean(known.slice(-quarter)) - mean(known.slice(0, quarter)),
      };
    },
    /** Of the asked values, the outage included: scored by the model or its stand-in, and by the model alone. */
    served: (before: Scraped, after: Scraped, outage: Outage) => {
      const whole = between(before.model, after.model);
      // A scrape after the server is back the effect of its outage is over, but for the breaker's pause.
      const down = between(near(outage.fromMs - SCRAPE_MS).model, near(outage.toMs + 6 * SCRAPE_MS).model);
      const up = { asked: whole.asked - down.asked, own: whole.scored - whole.standIn - (down.scored - down.standIn) };
      return {
        ...whole,
        share: whole.scored / Math.max(1, whole.asked),
        ownShare: (whole.scored - whole.standIn) / Math.max(1, whole.asked),
        ownShareWhileUp: up.own / Math.max(1, up.asked),
      };
    },
    /**
     * Share of the asked values that have a score, whoever gave it: what the model had none for was scored by its stand-in
     * or by the detector. `reasons` by member, why the model had none; since it was started.
     */
    scored: ({ model }: Scraped) => {
      const own = model.scored - model.standIn;
      return { ...model, share: (own + model.fallbacks) / Math.max(1, model.asked), reasons };
    },
  };
}

function between(from: ModelCounts, to: ModelCounts): ModelCounts {
  return {
    asked: to.asked - from.asked,
    scored: to.scored - from.scored,
    standIn: to.standIn - from.standIn,
    fallbacks: to.fallbacks - from.fallbacks,
  };
}

function reasonsOf(text: string): Record<string, number> {
  const found = text.matchAll(/^anomaly_model_fallbacks_total{.*?reason="([^"]*)".*?} (\S+)$/gm);
  return Object.fromEntries([...found].map(([, reason, value]) => [reason!, Number(value)]));
}

async function metricsOf(port: number): Promise<string | null> {
  try {
    return await (await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(5000) })).text();
  } catch {
    return null;
  }
}

function sumOf(text: string, name: string): number {
  let sum = 0;
  for (const [, value] of text.matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'gm'))) sum += Number(value);
  return sum;
}

/** Takes webhooks; a notification is known by its id and revision. */
export async function startReceiver() {
  const ids = new Set<string>();
  let requests = 0;
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      requests++;
      const { id, revision } = JSON.parse(text) as { id: string; revision: number };
      ids.add(`${id}/${revision}`);
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
    figures: () => ({ requests, distinct: ids.size }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
