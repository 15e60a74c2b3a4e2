/**
 * An Avro schema as a graph: names are full names, references to a named type point to its one node, so a recursive
 * type is a cycle. Documentation is left out; logical types are there for those who read values, resolution between two
 * schemas does not look at them.
 * Source: Apache Avro specification 1.12, "Schema Declaration", "Names" and "Logical Types".
 */
export type AvroNode = AvroPrimitive | AvroRecord | AvroEnum | AvroFixed | AvroArray | AvroMap | AvroUnion;

export interface AvroPrimitive {
  readonly kind: PrimitiveKind;
  readonly logical?: AvroLogical;
}

export interface AvroLogical {
  readonly name: string;
  /** Digits, and digits after the point; of `decimal` only. */
  readonly precision: number;
  readonly scale: number;
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
  readonly logical?: AvroLogical;
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
