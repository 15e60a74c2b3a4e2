import type { Ajv } from 'ajv';

/** Null for a document that holds by the schema, else what is wrong with it and where. */
export type JsonValidator = (document: unknown) => string | null;

/** A validator of documents by a JSON Schema of draft 4 to 2020-12; `$schema` names the draft, else it is draft 7. */
export async function jsonValidator(schema: unknown): Promise<JsonValidator> {
  const named =
    typeof schema === 'object' && schema !== null ? String((schema as Record<string, unknown>)['$schema']) : '';
  const library = await libraryOf(named);
  // Formats are notes; keywords of other tools are left alone.
  const ajv = new (classOf(library))({ strict: false, validateFormats: false, logger: false });
  const validate = ajv.compile(schema as object);
  return (document) => {
    if (validate(document)) return null;
    const [error] = validate.errors ?? [];
    return `${error?.instancePath || '/'} ${error?.message ?? 'is wrong'}`;
  };
}

async function libraryOf(uri: string): Promise<{ readonly default: unknown }> {
  if (uri.includes('2020-12')) return await import('ajv/dist/2020.js');
  if (uri.includes('2019-09')) return await import('ajv/dist/2019.js');
  return uri.includes('draft-04') ? await import('ajv-draft-04') : await import('ajv');
}

/** The packages are CommonJS: how deep their default export lies depends on the runtime, and on bundling. */
function classOf({ default: exported }: { readonly default: unknown }): typeof Ajv {
  return (exported as { default?: typeof Ajv }).default ?? (exported as typeof Ajv);
}
