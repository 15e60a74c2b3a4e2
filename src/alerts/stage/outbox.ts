import type { Notification } from '../../observe/notification.ts';

/**
 * Records of <pipeline>.outbox: one partition, compacted, written by the alert stage alone. By key:
 *
 * - `ID`: an incident as it stands. `isTold` says whether the sinks are to know of it: what is held, silenced or too old is
 *   kept, too, and brought to nobody. A key of an incident has no space in it.
 * - `ID SINK`: what delivery knows of that incident at that sink; its value is delivery's own.
 * - `~NAME`: state of the stage, from which a new owner goes on.
 */
export type OutboxRecord = IncidentRecord | DeliveryRecord | StateRecord;

export interface IncidentRecord {
  readonly type: 'incident';
  readonly notification: Notification;
  readonly isTold: boolean;
  /** What the stage goes on from: see incident.ts. */
  readonly state: unknown;
}

export interface DeliveryRecord {
  readonly type: 'delivery';
  readonly incident: string;
  readonly sink: string;
  /** Null is a tombstone. */
  readonly value: Uint8Array | null;
}

export interface StateRecord {
  readonly type: 'state';
  /** As `profile/...`. */
  readonly name: string;
  readonly state: unknown;
}

export interface OutboxKeyValue {
  readonly key: string;
  readonly value: Uint8Array | null;
}

const VERSION = 1;
const STATE_SIGN = '~';

/** Compacted, one partition, so that one member owns it and its records have one order. */
export function outboxTopic(pipeline: string): string {
  return `${pipeline}.outbox`;
}

export function encodeIncident({ notification, isTold, state }: Omit<IncidentRecord, 'type'>): OutboxKeyValue {
  return { key: notification.id, value: json({ version: VERSION, is_told: isTold, notification, state }) };
}

export function encodeState({ name, state }: Omit<StateRecord, 'type'>): OutboxKeyValue {
  return { key: `${STATE_SIGN}${name}`, value: json({ version: VERSION, state }) };
}

/** A tombstone of a state or an incident. */
export function encodeGone(record: { readonly name: string } | { readonly id: string }): OutboxKeyValue {
  return { key: 'name' in record ? `${STATE_SIGN}${record.name}` : record.id, value: null };
}

/** Null for the tombstone of an incident or a state, and for what a version that is not known has written. */
export function decodeOutbox(key: string, value: Uint8Array | null): OutboxRecord | null {
  const space = key.indexOf(' ');
  if (!key.startsWith(STATE_SIGN) && space > 0) {
    return { type: 'delivery', incident: key.slice(0, space), sink: key.slice(space + 1), value };
  }
  const record = value === null ? null : parsed(value);
  if (record === null || record['version'] !== VERSION) return null;
  if (key.startsWith(STATE_SIGN)) return { type: 'state', name: key.slice(1), state: record['state'] };
  const notification = record['notification'] as Notification | undefined;
  if (typeof notification !== 'object' || notification === null || notification.id !== key) return null;
  return { type: 'incident', notification, isTold: record['is_told'] === true, state: record['state'] };
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function parsed(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
