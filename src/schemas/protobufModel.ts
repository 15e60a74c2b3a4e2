/** What a comparison of two Protobuf files looks at. Source: protobuf.dev, "Language Guide" and "Encoding". */
export interface ProtobufFile {
  /** Messages that the file itself declares at its top level, in order. */
  readonly messages: readonly ProtobufMessage[];
}

export interface ProtobufMessage {
  readonly name: string;
  /** With its package. */
  readonly fullName: string;
  /** A message may hold itself, so these are filled after the message exists. */
  readonly fields: Map<number, ProtobufField>;
  /** Names of the oneofs; those that stand for `optional` are left out. */
  readonly oneofs: Set<string>;
  readonly nested: ProtobufMessage[];
}

export interface ProtobufField {
  readonly name: string;
  readonly number: number;
  readonly isRequired: boolean;
  /** Name of the oneof that holds it; null for none. */
  readonly oneof: string | null;
  readonly type: ProtobufType;
}

export type ProtobufType =
  | { readonly kind: 'scalar'; readonly name: string; readonly encoding: ScalarEncoding }
  | { readonly kind: 'message'; readonly message: ProtobufMessage }
  | { readonly kind: 'map'; readonly key: ProtobufType; readonly value: ProtobufType };

/** Types of one encoding can be read as one another. */
export type ScalarEncoding = 'varint' | 'zigzag' | 'bytes' | 'fixed32' | 'fixed64' | 'float' | 'double';

export const SCALAR_ENCODINGS: Readonly<Record<string, ScalarEncoding>> = {
  int32: 'varint',
  int64: 'varint',
  uint32: 'varint',
  uint64: 'varint',
  bool: 'varint',
  sint32: 'zigzag',
  sint64: 'zigzag',
  string: 'bytes',
  bytes: 'bytes',
  fixed32: 'fixed32',
  sfixed32: 'fixed32',
  fixed64: 'fixed64',
  sfixed64: 'fixed64',
  float: 'float',
  double: 'double',
};
