import { after, before, type TestContext, test } from 'node:test';
import { type Dev, startDev } from '../../../bench/processes.ts';
import { assertSame, type ClientResult, type FeatureRow, holdResult } from './features.ts';
import { realKafka } from './realCluster.ts';

export interface BothBrokers {
  readonly dev: Dev;
  /** host:port of the real Kafka. */
  readonly kafka: string;
}

/** `anomaly dev` as a process, and a real Kafka, for one test file. */
export function withBothBrokers(): () => BothBrokers {
  let dev: Dev;
  let kafka: Awaited<ReturnType<typeof realKafka>>;
  before(async () => {
    [dev, kafka] = await Promise.all([startDev(), realKafka()]);
  });
  after(() => Promise.all([dev?.stop(), kafka?.close()]));
  return () => ({ dev, kafka: kafka.address });
}

/**
 * A test per client: its program on Kafka as the control, then on the embedded broker, with the same rows.
 * `run` gets host:port and a prefix for names that are its own.
 */
export function testFeatures(
  name: string,
  describe: () => Pick<ClientResult, 'client' | 'version'>,
  run: (t: TestContext, brokers: string, prefix: string) => Promise<FeatureRow[]>,
): void {
  const both = withBothBrokers();
  let onKafka: FeatureRow[];
  const prefix = `${name.toLowerCase()}-${process.pid}`;
  test(`${name} on Kafka, the control`, { timeout: 850_000 }, async (t) => {
    onKafka = await run(t, both().kafka, prefix);
  });
  test(`${name} on the embedded broker`, { timeout: 850_000 }, async (t) => {
    const rows = await run(t, both().dev.brokers, prefix);
    assertSame(rows, onKafka);
    holdResult(name, { ...describe(), rows });
  });
}
