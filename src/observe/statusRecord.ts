import { decodeLatency, encodeLatency } from './latencyRecord.ts';
import { MEMBER_STATES, type MemberStatus } from './status.ts';

const VERSION = 1;

/** A status as the value of its record: JSON with names in snake_case, as all that the tool writes. */
export function encodeStatus(status: MemberStatus): Uint8Array {
  const { latency, ...rest } = status;
  const value = { ...rest, ...(latency !== undefined && { latency: encodeLatency(latency) }) };
  return new TextEncoder().encode(JSON.stringify({ version: VERSION, ...(renamed(value, snake) as object) }));
}

/** Null for what is no status of this version: another version's member is unknown rather than wrong. */
export function decodeStatus(value: Uint8Array): MemberStatus | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || (parsed as { version?: unknown }).version !== VERSION)
    return null;
  const { version: _, ...status } = renamed(parsed, camel) as { version: number } & MemberStatus;
  const isWhole =
    isText(status.member) &&
    isText(status.group) &&
    isText(status.definition) &&
    MEMBER_STATES.includes(status.state) &&
    typeof status.atMs === 'number' &&
    Array.isArray(status.partitions) &&
    Array.isArray(status.applied);
  if (!isWhole) return null;
  return status.latency === undefined ? status : { ...status, latency: decodeLatency(status.latency) };
}

/** Key of a member's record: one pipeline's stages are groups of their own and share the topic. */
export function statusKey({ group, member }: Pick<MemberStatus, 'group' | 'member'>): string {
  return `${group}/${member}`;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [rename(key), BY_NAME.has(key) ? item : renamed(item, rename)]),
  );
}

/** What is in them goes by names of its own, as too_old, which are no fields. */
const BY_NAME: ReadonlySet<string> = new Set(['outcomes']);

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
