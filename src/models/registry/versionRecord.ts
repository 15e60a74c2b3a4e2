import { specMetadata } from '../specMetadata.ts';
import type { ModelVersion } from './modelVersion.ts';
import { corrupt, RecordFields } from './recordFields.ts';
import { readSignature, readSpec, readTraining } from './specRecord.ts';

const FORMAT = 1;

/** The manifest of a version in a directory or bucket: written last, and for good. */
export function encodeVersion(version: ModelVersion): Uint8Array {
  const { name, version: number, sha256, files, signature, spec, training, metrics, description, source } = version;
  const record = {
    format: FORMAT,
    name,
    version: number,
    sha256,
    files,
    signature,
    spec: spec === undefined ? undefined : specMetadata(spec),
    training,
    metrics,
    description,
    created: version.created,
    created_by: version.createdBy,
    source,
    location: version.location,
  };
  return new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`);
}

/** @throws ANM_MODEL_CORRUPT naming place and field */
export function decodeVersion(bytes: Uint8Array, place: string): ModelVersion {
  const fields = RecordFields.parse(bytes, place);
  const format = fields.whole('format');
  if (format !== FORMAT) throw corrupt(place, `it is of format ${format}, and this version reads ${FORMAT}`);
  const signature = fields.optionalObject('signature');
  const spec = fields.optionalObject('spec');
  const training = fields.optionalObject('training');
  const description = fields.optionalText('description');
  const source = fields.optionalText('source');
  return {
    name: fields.text('name'),
    version: fields.text('version'),
    sha256: fields.text('sha256'),
    files: fields.objects('files').map((file) => {
      return { path: file.text('path'), bytes: file.whole('bytes'), sha256: file.text('sha256') };
    }),
    ...(signature !== undefined && { signature: readSignature(signature) }),
    ...(spec !== undefined && { spec: readSpec(spec) }),
    ...(training !== undefined && { training: readTraining(training) }),
    metrics: fields.numbers('metrics'),
    ...(description !== undefined && { description }),
    created: fields.text('created'),
    createdBy: fields.text('created_by'),
    ...(source !== undefined && { source }),
    location: fields.text('location'),
  };
}
