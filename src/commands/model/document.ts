import type { ModelVersion, RegisteredModel, TensorInfo } from '../../models/registry/modelVersion.ts';

/** A version as JSON and tables have it. */
export function versionDocument(version: ModelVersion, model: RegisteredModel | undefined) {
  const { files, metrics, signature, spec, training } = version;
  const sizes = files.map(({ bytes }) => bytes);
  return {
    model: version.name,
    version: version.version,
    aliases: (model?.aliases ?? []).filter((each) => each.version === version.version).map(({ alias }) => alias),
    sha256: version.sha256 ?? null,
    bytes: sizes.length === 0 || sizes.includes(undefined) ? null : sizes.reduce((sum: number, size) => sum + size!, 0),
    files: files.map(({ path, bytes = null, sha256 = null }) => ({ path, bytes, sha256 })),
    inputs: signature?.inputs ?? null,
    outputs: signature?.outputs ?? null,
    spec: spec ?? null,
    training: training ?? null,
    metrics,
    description: version.description ?? null,
    created: version.created,
    created_by: version.createdBy,
    source: version.source ?? null,
  };
}

export type VersionDocument = ReturnType<typeof versionDocument>;

/** `window float32 [batch, 33, 1]`. */
export function tensorText({ name, type, shape }: TensorInfo): string {
  return `${name} ${type} [${shape.map((dimension) => dimension ?? '?').join(', ')}]`;
}
