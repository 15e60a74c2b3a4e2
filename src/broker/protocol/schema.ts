/**
 * The vocabulary in which the tables of requests and responses are written. A message is an object of fields in wire
 * order; each field knows its type, the versions that carry it, where null is allowed, and what stands in for it where
 * the version has no such field. TypeScript reads the shapes of decoded and encoded messages off the same tables.
 *
 * Source: Kafka protocol guide, "Protocol Primitive Types"; KIP-482 (flexible versions and tagged fields).
 */
export type Kind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'string'
  | 'uuid'
  | 'bytes'
  | 'records'
  | 'array'
  | 'struct';

/** `R` is what decoding gives, `W` what encoding takes. */
export interface Field<R, W = R> {
  readonly kind: Kind;
  /** First and last version that carries the field. */
  readonly since: number;
  readonly until: number;
  /** First version in which it may be null; none by default. */
  readonly nullableSince: number;
  /** Tag number of a tagged field; -1 for one in its fixed place. */
  readonly tag: number;
  /** Decoded value where the version lacks the field, and encoded value where the message lacks it. */
  readonly fallback: R;
  /** Element of an array. */
  readonly element?: Field<unknown, unknown>;
  /** Fields of a struct. */
  readonly shape?: Shape;
  /** Never set: carries `W` through inference. */
  readonly writes?: W;
}

// biome-ignore lint/suspicious/noExplicitAny: inference over fields of every type needs the open bound.
export type AnyField = Field<any, any>;
export type Shape = { readonly [name: string]: AnyField };
/** A decoded message: every field is there. */
export type Decoded<S extends Shape> = { -readonly [K in keyof S]: S[K] extends Field<infer R, unknown> ? R : never };
/** A message to encode: an absent field is written as its fallback. */
export type Encodable<S extends Shape> = {
  readonly [K in keyof S]?: (S[K] extends { readonly writes?: infer W } ? Exclude<W, undefined> : never) | undefined;
};

/** The last version that there will ever be. */
const ANY_LATER = 32767;
export const ZERO_UUID = '00000000000000000000000000000000';

function primitive<T, W = T>(kind: Kind, fallback: T): Field<T, W> {
  return { kind, since: 0, until: ANY_LATER, nullableSince: ANY_LATER, tag: -1, fallback };
}

export const bool = primitive<boolean>('bool', false);
export const int8 = primitive<number>('int8', 0);
export const int16 = primitive<number>('int16', 0);
export const int32 = primitive<number>('int32', 0);
/** A number, exact within 2^53: offsets, times and producer ids stay far below. */
export const int64 = primitive<number>('int64', 0);
export const float64 = primitive<number>('float64', 0);
export const string = primitive<string>('string', '');
/** 32 hexadecimal digits. */
export const uuid = primitive<string>('uuid', ZERO_UUID);
export const bytes = primitive<Buffer>('bytes', Buffer.alloc(0));
/** Record batches: decoded as one view of the frame, encoded from pieces that are sent as they lie, never copied. */
export const records = primitive<Buffer | null, Buffer | readonly Buffer[] | null>('records', null);

export function array<R, W>(element: Field<R, W>): Field<R[], readonly W[]>;
export function array<S extends Shape>(shape: S): Field<Decoded<S>[], readonly Encodable<S>[]>;
export function array(of: AnyField | Shape): AnyField {
  return { ...primitive<unknown[]>('array', []), element: isField(of) ? of : struct(of) };
}

export function struct<S extends Shape>(shape: S): Field<Decoded<S>, Encodable<S>> {
  return { ...primitive('struct', {} as Decoded<S>), shape };
}

/** Present from a version on. */
export function since<R, W>(version: number, field: Field<R, W>, fallback = field.fallback): Field<R, W> {
  return { ...field, since: version, fallback };
}

/** Present from one version to another, both included. */
export function between<R, W>(first: number, last: number, field: Field<R, W>, fallback = field.fallback): Field<R, W> {
  return { ...field, since: first, until: last, fallback };
}

/** Null is allowed from a version on. */
export function nullable<R, W>(version: number, field: Field<R, W>): Field<R | null, W | null> {
  return { ...field, nullableSince: version } as Field<R | null, W | null>;
}

/** Another value than zero or empty where the field is absent. */
export function or<R, W>(field: Field<R, W>, fallback: R): Field<R, W> {
  return { ...field, fallback };
}

/** In the tag section from a version on; written only when the message has it. */
export function tagged<R, W>(tag: number, version: number, field: Field<R, W>): Field<R | undefined, W | undefined> {
  return { ...field, tag, since: version, fallback: undefined } as Field<R | undefined, W | undefined>;
}

function isField(of: AnyField | Shape): of is AnyField {
  return typeof of.kind === 'string';
}
