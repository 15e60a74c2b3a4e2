import { outboxTopic } from '../../alerts/stage/outbox.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { alertOrdersTopic } from '../alerts/alertOrders.ts';
import { notificationsTopic } from '../alerts/topicPublisher.ts';
import { journalTopic } from '../journal/journalRecord.ts';
import { feedbackTopic } from '../output/feedbackTopic.ts';
import { redrivenTopic } from '../redrive/ledger.ts';
import { byKeyTopic } from '../repartition.ts';
import type { Stage } from '../stage.ts';
import { operationTopics } from './operationTopics.ts';
import type { NamedTopic } from './topicTable.ts';

/** The topics that a stage puts its results in. */
export function sinkTopics({ sinks, windows, score }: PipelineConfig, stage: Stage): NamedTopic[] {
  const topics: NamedTopic[] = [{ kind: 'dead_letters', name: sinks.deadLetters }];
  if (windows.length > 0 && stage !== 'score windows') {
    topics.push({ kind: 'windows', name: sinks.windows }, { kind: 'late', name: sinks.late });
  }
  if (score !== undefined && stage !== 'window') topics.push({ kind: 'anomalies', name: sinks.anomalies });
  return topics;
}

/** The topics of the alert stage. */
export function alertTopics(pipeline: string): NamedTopic[] {
  return [
    { kind: 'outbox', name: outboxTopic(pipeline) },
    { kind: 'alert_orders', name: alertOrdersTopic(pipeline) },
  ];
}

/** The topics of its topic sinks. */
function notificationTopics({ pipeline, alertDelivery }: PipelineConfig): NamedTopic[] {
  const sinks = (alertDelivery?.sinks ?? []).filter(({ type }) => type === 'topic');
  const names = new Set(sinks.map(({ topic }) => topic ?? notificationsTopic(pipeline)));
  return [...names].map((name) => ({ kind: 'notifications', name }));
}

/** Every topic that `anomaly run` and the commands about its pipeline make or use, but for the source. */
export function pipelineTopics(
  config: PipelineConfig,
  { repartition }: { readonly repartition: boolean },
): NamedTopic[] {
  const { pipeline, group, sinks, score, operation } = config;
  return [
    ...sinkTopics(config, 'run'),
    { kind: 'journal', name: journalTopic(group) },
    ...(Number.isFinite(operation.status.everyMs) ? operationTopics(pipeline) : []),
    ...(repartition ? [{ kind: 'by_key', name: byKeyTopic(config) } as const] : []),
    ...(score === undefined ? [] : [{ kind: 'feedback', name: feedbackTopic(pipeline) } as const]),
    ...(config.alerts === undefined ? [] : [...alertTopics(pipeline), ...notificationTopics(config)]),
    { kind: 'redriven', name: redrivenTopic(sinks.deadLetters) },
  ];
}
