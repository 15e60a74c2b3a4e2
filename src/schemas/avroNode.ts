/**
 * An Avro schema as a graph: names are full names, references to a named type point to its one node, so a recursive
 * type is a cycle. Only what resolution between two schemas needs; logical types and documentation are left out.
 * Source: Apache Avro specification 1.11, "Schema Declaration" and "Names".
 */
export type AvroNode = AvroPrimitive | AvroRecord | AvroEnum | AvroFixed | AvroArray | AvroMap | AvroUnion;

export interface AvroPrimitive {
  readonly kind: PrimitiveKind;
}

export type PrimitiveKind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

export interface AvroRecord {
  readonly kind: 'record';
  readonly name: string;
  /** Full names. */
  readonly aliases: readonly string[];
  /** Filled after the node itself exists, since a field may refer back to its record. */
  readonly fields: AvroField[];
}

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroNode;
  readonly hasDefault: boolean;
}

export interface AvroEnum {
  readonly kind: 'enum';
  readonly name: string;
  readonly aliases: readonly string[];
  readonly symbols: readonly string[];
  readonly hasDefault: boolean;
}

export interface AvroFixed {
  readonly kind: 'fixed';
  readonly name: string;
  readonly aliases: readonly string[];
  readonly sizeBytes: number;
}

export interface AvroArray {
  readonly kind: 'array';
  readonly items: AvroNode;
}

export interface AvroMap {
  readonly kind: 'map';
  readonly values: AvroNode;
}

export interface AvroUnion {
  readonly kind: 'union';
  readonly branches: readonly AvroNode[];
}

/** What messages call a type: its name, else its kind. */
export function typeLabel(node: AvroNode): string {
  return 'name' in node ? `${node.kind} ${node.name}` : node.kind;
}
