import { readFile } from 'node:fs/promises';
import type { SchemaRegistry } from '../../clients/registry.ts';
import type { SinkConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import { packageFile } from '../../platform/packageFile.ts';

/** Ids of the schemas that a pipeline writes with; 0 for one that it does not write. */
export interface OutputSchemas {
  readonly windowId: number;
  readonly anomalyId: number;
}

/** Text of a schema of schemas/. */
export async function schemaText(name: 'window' | 'anomaly'): Promise<string> {
  return await readFile(packageFile(`schemas/${name}.avsc`), 'utf8');
}

/** Registers the schemas of the given sinks under `<topic>-value`; an incompatible one there is an error. */
export async function registerOutputs(
  registry: SchemaRegistry | undefined,
  sinks: SinkConfig,
  topics: readonly string[],
): Promise<OutputSchemas> {
  if (sinks.format === 'json') return { windowId: 0, anomalyId: 0 };
  const register = async (topic: string, name: 'window' | 'anomaly') => {
    if (!topics.includes(topic)) return 0;
    if (registry === undefined) {
      throw new AnomalyError('ANM_CONFIG', `cannot write Avro to ${topic} as no Schema Registry is configured`, {
        hint: 'give --registry URL, or write JSON by sinks.format: json',
      });
    }
    return (await registry.register(`${topic}-value`, await schemaText(name))).id;
  };
  return { windowId: await register(sinks.windows, 'window'), anomalyId: await register(sinks.anomalies, 'anomaly') };
}
