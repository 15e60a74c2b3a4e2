import { AnomalyError, isAnomalyError } from '../errors.ts';
import { runtimeInfo } from '../platform/runtime.ts';
import type { ClientOptions, KafkaClient } from './client.ts';

export type ClientName = 'platformatic' | 'librdkafka';

export interface ConnectOptions extends ClientOptions {
  /** Default auto. */
  readonly client?: 'auto' | ClientName;
}

/** Which client was taken, and why: for doctor and -v. */
export interface ClientChoice {
  readonly client: ClientName;
  readonly reason: string;
  /** The versions that the broker lacks for the fast client, an API each. */
  readonly missing: readonly string[];
}

/**
 * Connects by the client asked for. `auto` takes the fast one where the broker's API versions allow all that it does,
 * else librdkafka where that is installed, else it fails with ANM_UNSUPPORTED.
 *
 * Rejects with ANM_CONFIG where there is no address, ANM_BROKER_UNREACHABLE, ANM_AUTHENTICATION, ANM_CLIENT_MISSING or ANM_UNSUPPORTED.
 */
export async function connect(options: ConnectOptions): Promise<KafkaClient> {
  return (await connectWithChoice(options)).client;
}

/** The choice that `connect` makes for these options, without keeping the connection. */
export async function whichClient(options: ConnectOptions): Promise<ClientChoice> {
  const { client, choice } = await connectWithChoice(options);
  await client.close();
  return choice;
}

/** As `connect`, with the reason for the client that was taken. */
export async function connectWithChoice(
  options: ConnectOptions,
): Promise<{ client: KafkaClient; choice: ClientChoice }> {
  if (options.brokers.length === 0) {
    throw new AnomalyError('ANM_CONFIG', 'brokers is empty: it needs at least one address, as host:port', {
      hint: 'give --brokers localhost:9092; anomaly config show --origin says where an empty one comes from',
    });
  }
  const wanted = options.client ?? 'auto';
  if (wanted === 'librdkafka') {
    const client = await connectNative(options);
    return { client, choice: { client: 'librdkafka', reason: 'asked for by --client librdkafka', missing: [] } };
  }
  const { PlatformaticClient } = await import('./platformatic/client.ts');
  const fast = await PlatformaticClient.connect(options);
  const missing = await fast.missing();
  if (wanted === 'platformatic') {
    return { client: fast, choice: { client: 'platformatic', reason: 'asked for by --client platformatic', missing } };
  }
  if (missing.length === 0) {
    const reason = 'the broker has every API version that the fast client speaks';
    return { client: fast, choice: { client: 'platformatic', reason, missing } };
  }
  await fast.close();
  const reason = `${options.brokers.join(', ')} lacks versions that the fast client speaks: ${missing.join(', ')}`;
  try {
    const client = await connectNative(options);
    return { client, choice: { client: 'librdkafka', reason, missing } };
  } catch (error) {
    if (!isAnomalyError(error) || error.code !== 'ANM_CLIENT_MISSING') throw error;
    throw new AnomalyError(
      'ANM_UNSUPPORTED',
      `cannot use this broker: ${reason}; and the client librdkafka, which speaks older versions, does not load`,
      { hint: `${nativeHint()}, or use Redpanda v25.3, Kafka 3.0 or newer`, details: { missing }, cause: error },
    );
  }
}

function nativeHint(): string {
  return runtimeInfo().nativeClient
    ? 'run npm install @confluentinc/kafka-javascript (docs/native-client.md says what it needs)'
    : 'run anomaly on Node 20 to 24, where the native client serves this broker (docs/native-client.md)';
}

async function connectNative(options: ClientOptions): Promise<KafkaClient> {
  const { LibrdkafkaClient } = await import('./librdkafka/client.ts');
  return LibrdkafkaClient.connect(options);
}
