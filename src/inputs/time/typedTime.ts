import type { AvroNode } from '../../schemas/avroNode.ts';
import {
  type EpochUnit,
  epochTime,
  epochUnitByMagnitude,
  epochUnitByName,
  parseIsoTime,
  type TimeFormat,
} from './time.ts';

/** The column with the event time, and how its values are read. */
export interface TypedTime {
  readonly column: number;
  /** `iso` of text, else the unit of the number. */
  readonly format: TimeFormat;
}

const UNITS: Readonly<Record<string, EpochUnit>> = { millis: 'ms', micros: 'us', nanos: 'ns' };

/** The unit of a timestamp type, local ones included (they are taken for UTC); null for another type. */
export function timestampUnit(node: AvroNode): EpochUnit | null {
  if (node.kind !== 'long' || node.logical === undefined) return null;
  const match = /^(?:local-)?timestamp-(millis|micros|nanos)$/.exec(node.logical.name);
  return match === null ? null : UNITS[match[1]!]!;
}

/** How times are spelled in a column, from some of its values; null when they are none. */
export function timeFormatOf(name: string, node: AvroNode, values: readonly unknown[]): TimeFormat | null {
  const unit = timestampUnit(node);
  if (unit !== null) return { kind: 'epoch', unit };
  if (node.kind === 'string') {
    const times = values.filter((value) => !Number.isNaN(typedTime({ kind: 'iso' }, value)));
    return times.length > 0 && times.length * 2 >= values.length ? { kind: 'iso' } : null;
  }
  if (!['int', 'long', 'float', 'double'].includes(node.kind) || 'logical' in node) return null;
  const largest = values.reduce<number>((most, value) => Math.max(most, Math.abs(Number(value))), 0);
  return { kind: 'epoch', unit: epochUnitByName(name) ?? epochUnitByMagnitude(largest) };
}

/** A value as epoch milliseconds, cut to the microsecond; NaN when it is no time. */
export function typedTime(format: TimeFormat, value: unknown): number {
  if (format.kind === 'epoch') {
    if (typeof value === 'number') return epochTime(format.unit, value);
    if (typeof value !== 'bigint') return Number.NaN;
    // Beyond 2^53 nanoseconds a double is off by up to 128 of them: whole microseconds first.
    return format.unit === 'ns' ? epochTime('us', floorMicros(value)) : epochTime(format.unit, Number(value));
  }
  const bytes = typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? value : null;
  return bytes === null ? Number.NaN : parseIsoTime(bytes, 0, bytes.length);
}

function floorMicros(nanos: bigint): number {
  const rest = nanos % 1000n;
  return Number((nanos - (rest < 0n ? rest + 1000n : rest)) / 1000n);
}

/** Epoch milliseconds in the unit of a timestamp type. */
export function inUnit(unit: EpochUnit, timeMs: number): number | bigint {
  if (unit === 'ms') return Math.floor(timeMs);
  const micros = Math.round(timeMs * 1000);
  if (unit === 'us') return micros;
  return unit === 's' ? Math.floor(timeMs / 1000) : BigInt(micros) * 1000n;
}
