import type { SchemaRegistry } from './registry.ts';
import { RegistryClient } from './registryClient.ts';
import { type RegistryConnection, RegistryHttp } from './registryHttp.ts';

/** Nothing is sent until the first call. */
export function createRegistry(connection: RegistryConnection): SchemaRegistry {
  return new RegistryClient(new RegistryHttp(connection));
}
