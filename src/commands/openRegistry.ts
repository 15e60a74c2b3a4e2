import type { SchemaRegistry } from '../clients/registry.ts';
import type { Settings } from '../config/settings.ts';

/** The registry of the settings. One SASL user does for Kafka and registry, unless the registry has its own. */
export async function openRegistry(settings: Settings): Promise<SchemaRegistry> {
  const { createRegistry } = await import('../clients/registry.ts');
  const own = settings.optionalString('registry.user');
  const user = own ?? settings.optionalString('sasl.user');
  const password = settings.optionalString(own === undefined ? 'sasl.password' : 'registry.password');
  return createRegistry({
    urls: settings.list('registry.urls'),
    timeoutMs: settings.durationMs('request_timeout'),
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
  });
}
