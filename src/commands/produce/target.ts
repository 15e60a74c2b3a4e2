import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError } from '../../errors.ts';
import { type AvroPlan, fitsSchema, planAvro } from '../../inputs/encode/avroPlan.ts';
import { fitsValues } from '../../inputs/encode/valuePlan.ts';
import type { RowInput } from '../../inputs/rowInput.ts';
import { knownConfigs } from '../../runtime/topics/topics.ts';
import { newTopic } from '../../runtime/topics/topicTable.ts';
import type { CommandContext } from '../command.ts';
import { DEFAULT_PARTITIONS, type ProduceOptions } from './options.ts';
import type { ProducePlan } from './plan.ts';

export type TopicConfigs = ReadonlyMap<string, string>;

/** The topic's partitions, and its configuration where the client can read it; makes it when it is missing. */
export async function ensureTopic(
  { logger }: CommandContext,
  client: KafkaClient,
  options: ProduceOptions,
): Promise<{ partitions: number; configs: TopicConfigs | null }> {
  const { topic: name, partitions: wanted, replicationFactor, topicConfigs } = options;
  const [known] = await client.admin.topics([name]);
  if (known === undefined) {
    const partitions = wanted ?? DEFAULT_PARTITIONS;
    const topic = newTopic({ kind: 'produced', name }, { partitions });
    const created = await client.admin.createTopics([
      {
        ...topic,
        configs: { ...topic.configs, ...topicConfigs },
        ...(replicationFactor !== undefined && { replicationFactor }),
      },
    ]);
    if (created.get(name) === true) {
      logger.info(`made topic ${name} with ${partitions} partition${partitions === 1 ? '' : 's'}`);
      return { partitions, configs: await knownConfigs(client.admin, name) };
    }
  }
  // Somebody else may have made it between the two calls.
  const topic = known ?? (await client.admin.topics([name]))[0];
  if (topic === undefined)
    throw new AnomalyError('ANM_TOPIC_MISSING', `cannot write to ${name} as the broker does not list it`);
  const partitions = topic.partitions.length;
  if (wanted !== undefined && wanted !== partitions)
    logger.warn(`topic ${name} exists with ${partitions} partitions, not ${wanted}: left as it is`);
  if (Object.keys(topicConfigs).length > 0) logger.warn(`topic ${name} exists: --topic-config is left out`);
  return { partitions, configs: await knownConfigs(client.admin, name) };
}

/**
 * The schema that the records carry: the latest of the subject where inferred columns fit it, else the plan's own,
 * registered after a check. @throws ANM_SCHEMA_INCOMPATIBLE
 */
export async function settleSchema(
  context: CommandContext,
  { options, input, key, inferred }: ProducePlan,
  plan: AvroPlan,
): Promise<{ id: number; plan: AvroPlan }> {
  const { connectRegistry } = await import('../connections.ts');
  const registry = await connectRegistry(context);
  const subject = `${options.topic}-value`;
  const withSeries = key.by === 'file';
  const latest = inferred ? await registry.latest(subject) : null;
  const isTyped = input.samples.every((sample) => sample.typed !== null);
  const fits = isTyped ? fitsValues : fitsSchema;
  if (latest !== null && latest.type === 'AVRO' && fits(latest.schema, input.columns, withSeries)) {
    const { schema } = latest;
    return { id: latest.id, plan: isTyped ? { schema, fields: null } : planAvro(schema, input.columns, withSeries) };
  }
  const { compatible, messages } = await registry.check(subject, plan.schema);
  if (!compatible) {
    const why = messages.length === 0 ? 'the registry refuses it' : messages.join('; ');
    throw new AnomalyError(
      'ANM_SCHEMA_INCOMPATIBLE',
      `cannot register the schema of ${options.inputs.join(', ')} under ${subject} as ${why}`,
      {
        hint: `anomaly schema show ${subject} prints the one in use; give --schema, or another --topic`,
        details: { subject, messages },
      },
    );
  }
  const { id } = await registry.register(subject, plan.schema);
  return { id, plan };
}

/** Records older than the topic keeps them are deleted soon after they are written. */
export function warnOfRetention(
  { logger, now }: CommandContext,
  topic: string,
  configs: TopicConfigs | null,
  input: RowInput,
): void {
  if (configs === null) {
    logger.warn(
      `cannot tell how long ${topic} keeps records as the Kafka client does not read configurations: ` +
        'the broker may delete those with old event times at once',
    );
    return;
  }
  const retentionMs = Number(configs.get('retention.ms') ?? -1);
  const oldestMs = Math.min(...input.samples.map((sample) => sample.firstTimeMs).filter((time) => !Number.isNaN(time)));
  const deletes = (configs.get('cleanup.policy') ?? 'delete').includes('delete');
  if (!deletes || !(retentionMs >= 0) || oldestMs >= now() - retentionMs) return;
  const days = (retentionMs / 86_400_000).toFixed(1);
  logger.warn(
    `${topic} keeps records ${days} days (retention.ms=${retentionMs}) and the oldest event is of ${new Date(oldestMs).toISOString()}: ` +
      `the broker may delete it at once; set retention.ms=-1 (--topic-config for a new topic), or leave --record-time now`,
  );
}
