import { startApicurio, startKafka } from './services.ts';

/** A real Kafka for one test file: that of `ANOMALY_TEST_BROKERS`, which stays, or one of its own. */
export async function realKafka(): Promise<{ address: string; close(): Promise<void> }> {
  const given = process.env['ANOMALY_TEST_BROKERS'];
  if (given) return { address: given, close: async () => {} };
  const kafka = await startKafka();
  return { address: kafka.brokers, close: kafka.remove };
}

/** A real registry likewise: `ANOMALY_TEST_REGISTRY`, or an Apicurio of its own. */
export async function realRegistry(): Promise<{ url: string; close(): Promise<void> }> {
  const given = process.env['ANOMALY_TEST_REGISTRY'];
  if (given) return { url: given, close: async () => {} };
  const apicurio = await startApicurio();
  return { url: apicurio.url, close: apicurio.remove };
}
