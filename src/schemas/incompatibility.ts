/** One reason why data of one schema cannot be read with another, in any of the schema languages. */
export interface Incompatibility {
  /** Upper-case name as Redpanda's and Confluent's registries print it, as READER_FIELD_MISSING_DEFAULT_VALUE. */
  readonly rule: string;
  /** Field names from the top, dotted ('pump.pressure'); empty for the top level itself. */
  readonly field: string;
  /** Place as the registries give it: '/fields/1/type' (Avro), '#/properties/a' (JSON), '#/Reading/2' (Protobuf). */
  readonly path: string;
  /** Without field, path and rule; see `describeIncompatibility`. */
  readonly message: string;
}

/** What messages call the two sides: 'the new schema' and 'version 2'. */
export interface SideNames {
  readonly reader: string;
  readonly writer: string;
}

export const PLAIN_SIDES: SideNames = { reader: 'the reader', writer: 'the writer' };

/** `field 'site': it has no default ... (READER_FIELD_MISSING_DEFAULT_VALUE at /fields/3)` */
export function describeIncompatibility({ rule, field, path, message }: Incompatibility): string {
  return `${field === '' ? 'top level' : `field '${field}'`}: ${message} (${rule} at ${path})`;
}
