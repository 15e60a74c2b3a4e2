export type JsonSchema = boolean | Readonly<Record<string, unknown>>;

export interface ParsedJsonSchema {
  readonly schema: JsonSchema;
  /** Whether $ref hides the keywords beside it, as it did up to draft 7. */
  readonly refHidesSiblings: boolean;
}
