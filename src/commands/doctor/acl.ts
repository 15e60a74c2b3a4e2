import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import { redriveGroup } from '../../runtime/redrive/sender.ts';
import { byKeyTopic } from '../../runtime/repartition.ts';
import { pipelineTopics } from '../../runtime/topics/runTopics.ts';
import { TOPIC_TABLE, type TopicOperation, type TopicRow } from '../../runtime/topics/topicTable.ts';
import type { CommandContext } from '../command.ts';

/** A right to grant: what `rpk security acl create` takes. */
export interface AclRule {
  readonly resource: 'topic' | 'group' | 'transactional-id' | 'cluster';
  /** Null for the cluster. */
  readonly name: string | null;
  /** Prefixed: of every name that begins so. */
  readonly pattern: 'literal' | 'prefixed';
  readonly operations: readonly (TopicOperation | 'describe' | 'idempotent_write')[];
  readonly why: string;
}

export interface AclChoice {
  readonly repartition: boolean;
  /** Of a user who looks and commands, in place of the one who runs. */
  readonly operate: boolean;
}

/** The rights that a pipeline needs, and no more: each of them is missed when it is taken away. */
export function aclRules(config: PipelineConfig, { repartition, operate }: AclChoice): AclRule[] {
  const topics = new Map<string, AclRule>();
  const addTopic = (name: string, operations: readonly TopicOperation[], why: string) => {
    if (operations.length === 0) return;
    const before = topics.get(name)?.operations ?? [];
    topics.set(name, {
      ...{ resource: 'topic', name, pattern: 'literal', why },
      operations: [...new Set([...before, ...operations])] as TopicOperation[],
    });
  };
  for (const name of config.source.topics) {
    const why = operate ? 'the source, to which dead letters are sent back' : 'the source';
    addTopic(name, operate ? ['read', 'write'] : ['read', 'describe_configs'], why);
  }
  for (const { kind, name } of pipelineTopics(config, { repartition })) {
    const row: TopicRow = TOPIC_TABLE[kind];
    addTopic(name, operate ? row.operate : row.run, row.holds);
  }
  if (!operate && config.alerts !== undefined) addStageTopics(config.sinks, config.alerts, addTopic);
  return [...topics.values(), ...(operate ? operatorRules(config) : memberRules(config, repartition))];
}

/** What the alert stage reads beside its own topics. */
function addStageTopics(
  { anomalies, windows }: PipelineConfig['sinks'],
  { kpis, kpiTopics }: NonNullable<PipelineConfig['alerts']>,
  add: (name: string, operations: readonly TopicOperation[], why: string) => void,
): void {
  add(anomalies, ['read'], 'alerts');
  // Those of the series themselves, too.
  const isCompared = kpis.length + kpiTopics.length > 0;
  for (const name of isCompared ? [windows, ...kpiTopics] : []) add(name, ['read'], 'windows of user traffic');
}

function memberRules(config: PipelineConfig, repartition: boolean): AclRule[] {
  const { group, guarantee, instance, operation } = config;
  const groups = [group, ...(repartition ? [byKeyTopic(config)] : [])];
  const rules = groups.map((name): AclRule => {
    return {
      resource: 'group',
      name,
      pattern: 'literal',
      operations: ['read'],
      why: 'the consumer group and its offsets',
    };
  });
  if (guarantee === 'exactly-once') {
    // The id of a member without --instance is drawn, and workers add their number.
    const isOne = instance !== undefined && operation.workers === 1;
    for (const name of groups) {
      rules.push({
        ...{ resource: 'transactional-id', name: `${name}-${instance ?? ''}`, operations: ['write'] },
        pattern: isOne ? 'literal' : 'prefixed',
        why: 'its transactions',
      });
    }
  }
  if (config.alerts !== undefined) {
    const name = `${config.pipeline}.alerts`;
    const base = { name, pattern: 'literal', why: 'the alert stage' } as const;
    rules.push({ ...base, resource: 'group', operations: ['read'] });
    rules.push({ ...base, resource: 'transactional-id', operations: ['write'] });
  }
  const isIdempotent = guarantee === 'at-least-once' || Number.isFinite(operation.status.everyMs);
  return isIdempotent ? [...rules, IDEMPOTENT] : rules;
}

function operatorRules({ group, sinks }: PipelineConfig): AclRule[] {
  const redrive = redriveGroup(sinks.deadLetters);
  return [
    { resource: 'group', name: redrive, pattern: 'literal', operations: ['read'], why: 'dlq redrive' },
    { resource: 'transactional-id', name: redrive, pattern: 'literal', operations: ['write'], why: 'dlq redrive' },
    { resource: 'group', name: group, pattern: 'literal', operations: ['describe'], why: 'lag and members' },
    IDEMPOTENT,
  ];
}

/** Kafka 3 and newer grant it with any right to write; Redpanda asks for it. */
const IDEMPOTENT: AclRule = {
  ...{ resource: 'cluster', name: null, pattern: 'literal', operations: ['idempotent_write'] },
  why: 'producers without duplicates',
};

/** The rule as a command; names of topics, groups and ids need no quotes but for spaces. */
export function rpkCommand(user: string, { resource, name, pattern, operations }: AclRule): string {
  const which = resource === 'cluster' ? '--cluster' : `--${resource} ${quoted(name!)}`;
  const by = pattern === 'prefixed' ? ' --resource-pattern-type prefixed' : '';
  return `rpk security acl create --allow-principal ${quoted(`User:${user}`)} --operation ${operations.join(',')} ${which}${by}`;
}

function quoted(text: string): string {
  return /^[\w.:@/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `doctor --acl`: asks nobody and changes nothing. */
export async function printAcl(context: CommandContext): Promise<number> {
  const { settings, flags, output } = context;
  const config = settings.pipeline();
  if (config.source.topics.length === 0) {
    throw new AnomalyError('ANM_CONFIG', 'source.topics is not set, so there is no pipeline to grant rights for', {
      hint: 'give -f anomaly.yaml, or -X source.topics=raw',
    });
  }
  const operate = flags['aclOperate'] === true;
  const user = (flags['aclUser'] as string | undefined) ?? `${config.pipeline}${operate ? '-operator' : ''}`;
  const rules = aclRules(config, { repartition: flags['repartition'] === true, operate });
  const mechanism = settings.optionalString('sasl.mechanism') ?? 'SCRAM-SHA-256';
  const create = `rpk security user create ${quoted(user)} --mechanism ${mechanism}`;
  const rows = rules.map((rule) => ({ ...rule, command: rpkCommand(user, rule) }));
  await output.document({ user, createUser: create, rules: rows }, () => {
    const lines = rows.flatMap(({ why, command }) => [`# ${why}`, command]);
    const head = operate
      ? `# ${user} looks at pipeline ${config.pipeline} and commands it`
      : `# ${user} runs pipeline ${config.pipeline}, ${config.guarantee}; its topics are made by anomaly run --create-topics-only`;
    return [head, '# rpk prints a password that it draws, unless -p gives one', create, ...lines].join('\n');
  });
  return 0;
}
