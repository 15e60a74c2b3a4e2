import type { Json } from '../../engine/operatorState.ts';
import { AnomalyError } from '../../errors.ts';
import { utcTime } from '../../platform/utcTime.ts';
import type { Snapshot } from '../checkpointStore.ts';
import { hashJson } from './sha256.ts';

/** Of manifests that this version writes. Format 1 is the single file of version 0.1 (`formatOne.ts`). */
export const FORMAT = 2;
export const MANIFEST = 'manifest.json';

/** A data file. */
export interface DataPart {
  /** Name in the snapshot's folder, or with `base` in that one's. */
  readonly file: string;
  /** Folder of an earlier snapshot of the partition that has the file. */
  readonly base?: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface OperatorEntry {
  readonly id: string;
  readonly definition: Json;
  /** sha256 of the definition as canonical JSON. */
  readonly definition_sha256: string;
  /** Of all parts. */
  readonly bytes: number;
  /** Its state is theirs, one after the other: one file, and after it what changed since. */
  readonly parts: readonly DataPart[];
}

/** What `manifest.json` holds: everything but the operators' bytes. */
export interface Manifest {
  readonly format: number;
  readonly tool_version: string;
  readonly checkpoint: string;
  /** Name of a savepoint. */
  readonly savepoint?: string;
  /** Written by checkpoint rescale. */
  readonly rescaled?: true;
  /** ISO 8601. */
  readonly created: string;
  readonly pipeline: string;
  readonly group: string;
  readonly cluster: string;
  readonly topic: string;
  readonly partition: number;
  /** Next offset to read. */
  readonly offset: number;
  /** ISO 8601; null before the first record. */
  readonly watermark: string | null;
  readonly watermark_ms: number | null;
  /** End of the journal's partition that its owner knew of: the order of a partition's snapshots. */
  readonly journal?: number;
  /** Hash of the definitions of all operators. */
  readonly definition: string;
  readonly schema_ids: readonly number[];
  readonly model?: Json;
  readonly operators: readonly OperatorEntry[];
}

export function manifestOf(snapshot: Snapshot, operators: readonly OperatorEntry[]): Manifest {
  const { savepoint, model, watermark, journal } = snapshot;
  return {
    format: FORMAT,
    tool_version: snapshot.toolVersion,
    checkpoint: snapshot.checkpoint,
    ...(savepoint !== undefined && { savepoint }),
    ...(snapshot.rescaled === true && { rescaled: true }),
    created: utcTime(snapshot.createdMs),
    pipeline: snapshot.pipeline,
    group: snapshot.group,
    cluster: snapshot.cluster,
    topic: snapshot.topic,
    partition: snapshot.partition,
    offset: snapshot.offset,
    watermark: watermark === null ? null : utcTime(watermark),
    watermark_ms: watermark,
    ...(journal !== undefined && { journal }),
    definition: snapshot.definition,
    schema_ids: snapshot.schemaIds,
    ...(model !== undefined && { model }),
    operators,
  };
}

export function snapshotOf(manifest: Manifest, states: readonly Uint8Array[]): Snapshot {
  const { savepoint, model, journal } = manifest;
  return {
    pipeline: manifest.pipeline,
    group: manifest.group,
    cluster: manifest.cluster,
    topic: manifest.topic,
    partition: manifest.partition,
    offset: manifest.offset,
    watermark: manifest.watermark_ms,
    ...(journal !== undefined && { journal }),
    checkpoint: manifest.checkpoint,
    ...(savepoint !== undefined && { savepoint }),
    ...(manifest.rescaled === true && { rescaled: true }),
    createdMs: Date.parse(manifest.created),
    toolVersion: manifest.tool_version,
    definition: manifest.definition,
    schemaIds: manifest.schema_ids,
    ...(model !== undefined && { model }),
    operators: manifest.operators.map(({ id, definition }, i) => ({ id, definition, bytes: states[i]! })),
  };
}

/**
 * @param place name of the manifest, for messages
 * @throws ANM_STATE_CORRUPT naming what is wrong with it
 */
export function parseManifest(bytes: Uint8Array, place: string): Manifest {
  const refuse = (reason: string, cause?: unknown) =>
    new AnomalyError('ANM_STATE_CORRUPT', `cannot use checkpoint ${place} as ${reason}`, { cause, details: { place } });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw refuse('its manifest is not JSON', cause);
  }
  if (!isRecord(value)) throw refuse('its manifest is no object');
  if (value['format'] !== FORMAT) {
    throw refuse(`its format is ${JSON.stringify(value['format'])}, and this version reads 1 and ${FORMAT}`);
  }
  const wrong = wrongField(value, MANIFEST_FIELDS);
  if (wrong !== undefined) throw refuse(`${wrong} of its manifest is not what it should be`);
  const manifest = value as unknown as Manifest;
  manifest.operators.forEach((entry, i) => {
    const wrongEntry = isRecord(entry) ? wrongField(entry, ENTRY_FIELDS) : 'it';
    if (wrongEntry !== undefined) throw refuse(`${wrongEntry} of operators[${i}] is not what it should be`);
    if (entry.parts.reduce((sum, { bytes }) => sum + bytes, 0) !== entry.bytes) {
      throw refuse(`bytes of operators[${i}] are not those of its parts`);
    }
    if (hashJson(entry.definition) !== entry.definition_sha256) {
      throw refuse(`the definition of operator ${entry.id} does not match its hash`);
    }
  });
  return manifest;
}

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === 'string';
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
/** A name in a folder: it must not lead out of the store. */
const part: Check = (value) => typeof value === 'string' && /^[^./\\][^/\\]*$/.test(value);
const hash: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

const MANIFEST_FIELDS: Readonly<Record<string, Check>> = {
  tool_version: text,
  checkpoint: text,
  savepoint: optional(text),
  rescaled: optional((value) => value === true),
  created: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  pipeline: text,
  group: text,
  cluster: text,
  topic: text,
  partition: count,
  offset: count,
  journal: optional(count),
  watermark_ms: (value) => value === null || Number.isFinite(value),
  definition: text,
  schema_ids: (value) => Array.isArray(value) && value.every(Number.isInteger),
  operators: (value) => Array.isArray(value),
};

const ENTRY_FIELDS: Readonly<Record<string, Check>> = {
  id: text,
  definition: (value) => value !== undefined,
  definition_sha256: hash,
  bytes: count,
  parts: (value) => Array.isArray(value) && value.every((each) => isRecord(each) && !wrongField(each, PART_FIELDS)),
};

const PART_FIELDS: Readonly<Record<string, Check>> = {
  file: part,
  base: optional(part),
  bytes: count,
  sha256: hash,
};

function wrongField(
  value: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Check>>,
): string | undefined {
  return Object.keys(fields).find((key) => !fields[key]!(value[key]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
