import { isAnomalyError } from '../../errors.ts';
import { schemaText } from '../../runtime/output/outputSchemas.ts';
import { sinkTopics } from '../../runtime/topics/runTopics.ts';
import { connectRegistry } from '../connections.ts';
import { fail, ok, type Seen, skip } from './check.ts';
import type { Doctor } from './doctor.ts';

/** The source's schema, and whether the registry would take those of the outputs. Registers nothing. */
export async function checkSchemas(doctor: Doctor): Promise<readonly Seen[]> {
  const registry = connectRegistry(doctor.context);
  const { pipeline } = doctor;
  const rows: Seen[] = [];
  const isNeeded = pipeline.sinks.format === 'avro' || pipeline.source.format === 'avro';
  for (const topic of pipeline.source.topics) {
    const latest = await registry.latest(`${topic}-value`).catch((error: unknown) => {
      if (!isNeeded && isAnomalyError(error) && error.code === 'ANM_REGISTRY_UNREACHABLE') return undefined;
      throw error;
    });
    if (latest === undefined) return [skip('there is no registry, and outputs are JSON')];
    if (latest === null) continue;
    const detail = `source ${topic}-value is ${latest.type}, version ${latest.version}, schema ${latest.id}`;
    if (latest.type === 'PROTOBUF')
      rows.push(fail(`${detail}: Protobuf values are not read`, 'let the producer write Avro or JSON'));
    else rows.push(ok(detail));
  }
  if (pipeline.sinks.format === 'json') return [...rows, ok('outputs are JSON and need no schema')];
  for (const { kind, name } of sinkTopics(pipeline, 'run')) {
    if (kind !== 'windows' && kind !== 'anomalies') continue;
    const subject = `${name}-value`;
    const level = await registry.compatibility(subject);
    const { compatible, messages } = await registry.check(
      subject,
      await schemaText(kind === 'windows' ? 'window' : 'anomaly'),
    );
    if (compatible) rows.push(ok(`${subject} takes this version's schema (${level})`));
    else {
      const detail = `${subject} does not take this version's schema (${level}): ${messages.join('; ') || 'no reason given'}`;
      rows.push(fail(detail, `name another sink by sinks.${kind}, or delete the subject if nobody reads it`));
    }
  }
  return rows;
}
