import { SnapshotReader, SnapshotWriter, type StateArray } from '../../engine/state.ts';
import { AnomalyError } from '../../errors.ts';
import { sha256 } from './sha256.ts';

/**
 * A snapshot as version 0.1 wrote it, to <topic>-<partition>.snapshot: one JSON line {format: 1, topic, partition, offset,
 * definition, cluster, bytes, sha256}, then the state of all operators as one piece.
 */
export interface FormatOne {
  readonly topic: string;
  readonly partition: number;
  /** Next offset to read. */
  readonly offset: number;
  /** Hash of the configuration that it belongs to. */
  readonly definition: string;
  readonly cluster: string;
  /** Epoch milliseconds of event time; null before the first record. */
  readonly watermark: number | null;
  /** As SnapshotWriter encoded it, with the operators' names before those of their arrays: keys/arena, window/0/starts. */
  readonly state: Uint8Array;
}

const NEWLINE = 10;

/** @param name of the file, for messages. @throws ANM_STATE_CORRUPT */
export async function parseFormatOne(file: Uint8Array, name: string): Promise<FormatOne> {
  const refuse = (reason: string, cause?: unknown) =>
    new AnomalyError('ANM_STATE_CORRUPT', `cannot use snapshot ${name} as ${reason}`, { cause, details: { name } });
  const line = Math.max(0, file.indexOf(NEWLINE));
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(0, line)));
  } catch (cause) {
    throw refuse('its header is not JSON', cause);
  }
  const { format, topic, partition, offset, definition, cluster, bytes, sha256: expected } = header ?? {};
  if (format !== 1) throw refuse(`its format is ${format}, not 1`);
  if (typeof topic !== 'string' || typeof definition !== 'string' || typeof cluster !== 'string') {
    throw refuse('its header has no topic, definition or cluster');
  }
  if (!Number.isSafeInteger(partition) || !Number.isSafeInteger(offset)) throw refuse('its header has no place');
  const state = file.slice(line + 1);
  if (state.length !== bytes) throw refuse(`it has ${state.length} bytes of state, not ${bytes}`);
  if ((await sha256(state)) !== expected) throw refuse('its sha256 does not match');
  const top = new SnapshotReader(partOfState(state, ''));
  const watermark = top.has('watermark') ? top.number('watermark') : -Infinity;
  return {
    topic,
    partition: partition as number,
    offset: offset as number,
    definition,
    cluster,
    watermark: Number.isFinite(watermark) ? watermark : null,
    state,
  };
}

type ArrayType = 'f64' | 'f32' | 'i32' | 'u8';

interface Directory {
  readonly numbers: Readonly<Record<string, number | string>>;
  readonly texts: Readonly<Record<string, string>>;
  readonly arrays: Readonly<
    Record<string, { readonly type: ArrayType; readonly offset: number; readonly length: number }>
  >;
}

const ARRAYS = { f64: Float64Array, f32: Float32Array, i32: Int32Array, u8: Uint8Array } as const;

/** The part of such a state whose names begin with `prefix`, as a state of its own without it. */
export function partOfState(state: Uint8Array, prefix: string): Uint8Array {
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  const length = view.getUint32(4, true);
  const directory = JSON.parse(new TextDecoder().decode(state.subarray(8, 8 + length))) as Directory;
  const start = (8 + length + 7) & ~7;
  const out = new SnapshotWriter();
  const own = <T>(entries: Readonly<Record<string, T>>): [string, T][] =>
    Object.entries(entries).flatMap(([name, value]) => {
      const isTop = prefix === '' && !name.includes('/');
      return isTop || (prefix !== '' && name.startsWith(prefix)) ? [[name.slice(prefix.length), value]] : [];
    });
  for (const [name, value] of own(directory.numbers)) out.number(name, Number(value));
  for (const [name, value] of own(directory.texts)) out.text(name, value);
  for (const [name, { type, offset, length: count }] of own(directory.arrays)) {
    const from = start + offset;
    const Type = ARRAYS[type];
    const bytes = state.slice(from, from + count * Type.BYTES_PER_ELEMENT);
    out.array(name, new Type(bytes.buffer) as StateArray, count);
  }
  return out.encode();
}
