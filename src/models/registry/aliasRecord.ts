import type { AliasState } from './aliasState.ts';
import { RecordFields } from './recordFields.ts';

/** One change of an alias: a directory or bucket keeps each as an object, MLflow the last one as a tag. */
export function encodeAlias({ name, alias, version, previous, kind, id, by, at }: AliasState): string {
  return `${JSON.stringify({ model: name, alias, version, previous, kind, id, by, at })}\n`;
}

/** @throws ANM_MODEL_CORRUPT naming place and field */
export function decodeAlias(json: string | Uint8Array, place: string): AliasState {
  const fields = RecordFields.parse(json, place);
  return {
    name: fields.text('model'),
    alias: fields.text('alias'),
    version: fields.textOrNull('version'),
    previous: fields.texts('previous'),
    kind: fields.oneOf('kind', ['promote', 'rollback', 'remove']),
    id: fields.text('id'),
    by: fields.text('by'),
    at: fields.text('at'),
  };
}
