import { SEVERITIES, type Severity } from '../../observe/notification.ts';
import type { DeliveryState, StoredDelivery, Told } from './delivery.ts';

const VERSION = 1;
const OUTCOMES: readonly DeliveryState['outcome'][] = ['delivered', 'too_old', 'rate_limited', 'failed', 'skipped'];
const TOLD: readonly Told[] = ['open', 'update', 'resolved'];

/** Sinks' names have no spaces, so the last one divides the key. */
export function deliveryKey(incidentId: string, sink: string): string {
  return `${incidentId} ${sink}`;
}

/** A delivery state as the value of its record: JSON in snake_case; `kind` tells it from an incident. */
export function encodeDelivery(state: DeliveryState): Uint8Array {
  const { sink, revision, told, severity, summary, outcome, attempts, atMs, problem } = state;
  const record = { kind: 'delivery', version: VERSION, sink, revision, told, severity, summary, outcome, attempts };
  return new TextEncoder().encode(JSON.stringify({ ...record, at_ms: atMs, problem }));
}

/** Null for what is no delivery record of this version: incidents share the topic. */
export function decodeDelivery({ key, value }: StoredDelivery): { incidentId: string; state: DeliveryState } | null {
  if (value === null) return null;
  const record = parse(value);
  if (record === null || record['kind'] !== 'delivery' || record['version'] !== VERSION) return null;
  const { sink, revision, told, severity, summary, outcome, attempts, at_ms: atMs, problem } = record;
  const isWhole =
    typeof sink === 'string' &&
    key.endsWith(` ${sink}`) &&
    Number.isSafeInteger(revision) &&
    (told === null || TOLD.includes(told as Told)) &&
    (severity === null || SEVERITIES.includes(severity as Severity)) &&
    (summary === null || typeof summary === 'string') &&
    OUTCOMES.includes(outcome as DeliveryState['outcome']) &&
    typeof attempts === 'number' &&
    typeof atMs === 'number' &&
    (problem === null || typeof problem === 'string');
  if (!isWhole) return null;
  const state = { sink, revision, told, severity, summary, outcome, attempts, atMs, problem } as DeliveryState;
  return { incidentId: key.slice(0, -sink.length - 1), state };
}

function parse(value: Uint8Array): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
