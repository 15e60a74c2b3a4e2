import { specMetadata } from '../specMetadata.ts';
import type { HashedFile, HashedFiles } from './fileHash.ts';
import type { ModelFile, ModelVersion, NewVersion } from './modelVersion.ts';
import { RecordFields } from './recordFields.ts';
import { readSignature, readSpec, readTraining } from './specRecord.ts';

/** A version as MLflow gives it (ModelVersion of its REST API). */
export interface MlflowVersion {
  readonly name: string;
  readonly version: string;
  readonly creation_timestamp?: number;
  readonly user_id?: string;
  readonly description?: string;
  readonly source?: string;
  readonly run_id?: string;
  readonly status?: string;
  readonly status_message?: string;
  readonly tags?: readonly MlflowTag[];
}

export interface MlflowTag {
  readonly key: string;
  readonly value: string;
}

/** What this tool knows of a version and MLflow has no field for: tags under `anomaly.`. */
export function versionTags(
  { spec, signature, training, metrics, source }: NewVersion,
  { files, sha256 }: HashedFiles,
  by: string,
): MlflowTag[] {
  const tag = (name: string, value: unknown): MlflowTag[] =>
    value === undefined
      ? []
      : [{ key: `anomaly.${name}`, value: typeof value === 'string' ? value : JSON.stringify(value) }];
  return [
    ...tag('sha256', sha256),
    ...tag('files', { files }),
    ...tag('signature', signature),
    ...tag('spec', spec === undefined ? undefined : specMetadata(spec)),
    ...tag('training', training),
    ...tag('metrics', metrics === undefined ? undefined : { metrics }),
    ...tag('source', source),
    ...tag('by', by),
  ];
}

/**
 * @param found files by the listing of the server, where another tool registered the version
 * @throws ANM_MODEL_CORRUPT for tags of ours that cannot be read
 */
export function readMlflowVersion(
  given: MlflowVersion,
  url: string,
  location: string,
  found: readonly ModelFile[],
): ModelVersion {
  const { name, version, tags = [] } = given;
  const text = (key: string) => tags.find((tag) => tag.key === `anomaly.${key}`)?.value;
  const fields = (key: string) => {
    const json = text(key);
    return json === undefined
      ? undefined
      : RecordFields.parse(json, `tag anomaly.${key} of ${name}/${version} in ${url}`);
  };
  const signature = fields('signature');
  const spec = fields('spec');
  const training = fields('training');
  const sha256 = text('sha256');
  const source = text('source') ?? given.source;
  return {
    name,
    version,
    ...(sha256 !== undefined && { sha256 }),
    files: readFiles(fields('files')) ?? found,
    ...(signature !== undefined && { signature: readSignature(signature) }),
    ...(spec !== undefined && { spec: readSpec(spec) }),
    ...(training !== undefined && { training: readTraining(training) }),
    metrics: fields('metrics')?.numbers('metrics') ?? {},
    ...(given.description !== undefined && given.description !== '' && { description: given.description }),
    created: new Date(given.creation_timestamp ?? 0).toISOString(),
    createdBy: text('by') ?? given.user_id ?? '',
    ...(source !== undefined && { source }),
    location,
  };
}

function readFiles(fields: RecordFields | undefined): HashedFile[] | undefined {
  return fields?.objects('files').map((file) => {
    return { path: file.text('path'), bytes: file.whole('bytes'), sha256: file.text('sha256') };
  });
}
