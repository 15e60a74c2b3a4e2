import fc from 'fast-check';
import { DEFAULT_PROFILE, profileNamed } from '../../../src/broker/profiles.ts';
import { type ApiName, apiOf, requestFrame } from '../../../src/broker/protocol/apis.ts';
import type { AnyField, Shape } from '../../../src/broker/protocol/schema.ts';
import { batchOf } from './rawClient.ts';

/** Any well-formed request of any API, in any version that is advertised, and frames that are none. */

export interface AnyRequest {
  readonly name: ApiName;
  readonly version: number;
  readonly message: object;
}

const RANGES = Object.entries(profileNamed(DEFAULT_PROFILE)!.apis) as [ApiName, readonly [number, number]][];

const NAMES = fc.oneof(
  fc.constantFrom('t', 'u', 'g', 'range', 'consumer', '', '.', '..', 'a/b', 'x'.repeat(250), '__consumer_offsets'),
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const SMALL = fc.integer({ min: -3, max: 10 });
const BATCHES = fc.oneof(
  fc.constant(batchOf(['a', 'b'], 1_700_000_000_000)),
  fc.constant(batchOf(['a'], 1_700_000_000_000, { producerId: 1, producerEpoch: 0, baseSequence: 0 })),
  fc.constant(batchOf(['a'], 1_700_000_000_000, { producerId: 1, producerEpoch: 0, transactional: true })),
  fc.constant(batchOf(['a'], 1_700_000_000_000, { control: true })),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
);
const INTS: Readonly<Record<string, fc.Arbitrary<number>>> = {
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  int32: fc.integer({ min: -2147483648, max: 2147483647 }),
  int64: fc.maxSafeInteger(),
};

/** Values that make the broker wait for good reason are kept short, so that each request has its answer soon. */
const SHORT: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  maxWaitMs: SMALL,
  rebalanceTimeoutMs: SMALL,
  timeoutMs: SMALL,
};

export const anyRequest: fc.Arbitrary<AnyRequest> = fc
  .constantFrom(...RANGES)
  .chain(([name, [first, last]]) =>
    fc
      .integer({ min: first, max: last })
      .chain((version) => structOf(apiOf(name).request.shape, version).map((message) => ({ name, version, message }))),
  );

export function frameOf({ name, version, message }: AnyRequest): Buffer {
  return Buffer.concat(requestFrame(name, version, 1, 'fuzz', message as never));
}

/** The same with its content cut short, and its length right. */
export const cutFrame = fc.tuple(anyRequest, fc.double({ min: 0, max: 1, noNaN: true })).map(([request, share]) => {
  const frame = frameOf(request);
  const cut = Buffer.from(frame.subarray(0, Math.max(4, Math.floor(frame.length * share))));
  cut.writeInt32BE(cut.length - 4, 0);
  return cut;
});

/** The same with some bytes changed. */
export const bentFrame = fc
  .tuple(anyRequest, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }))
  .map(([request, changes]) => {
    const frame = frameOf(request);
    for (const [at, byte] of changes) if (frame.length > 12) frame[12 + (at % (frame.length - 12))] = byte;
    return frame;
  });

/** A header that is right, and any bytes after it. */
export const noisyFrame = fc
  .tuple(fc.constantFrom(...RANGES), fc.nat(), fc.uint8Array({ maxLength: 300 }))
  .map(([[name, [first, last]], pick, body]) => {
    const frame = Buffer.alloc(4 + 8 + body.length);
    frame.writeInt32BE(frame.length - 4, 0);
    frame.writeInt16BE(apiOf(name).key, 4);
    frame.writeInt16BE(first + (pick % (last - first + 1)), 6);
    frame.set(body, 12);
    return frame;
  });

/** Bytes that are no frame at all, or one whose length is a lie. */
export const noFrame = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom('7fffffff', 'ffffffff', '80000000', '06400001', '06400000', '00000000', '00000001ff')
    .map((hex) => Buffer.from(hex, 'hex')),
  fc.constantFrom('GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00').map((text) => Buffer.from(text, 'latin1')),
);

function structOf(shape: Shape, version: number): fc.Arbitrary<object> {
  const fields = Object.entries(shape).filter(([, { since, until }]) => version >= since && version <= until);
  return fc.record(Object.fromEntries(fields.map(([key, field]) => [key, SHORT[key] ?? fieldOf(field, version)])));
}

function fieldOf(field: AnyField, version: number): fc.Arbitrary<unknown> {
  const value = plainField(field, version);
  return version >= field.nullableSince ? fc.option(value, { freq: 6 }) : value;
}

function plainField({ kind, element, shape }: AnyField, version: number): fc.Arbitrary<unknown> {
  switch (kind) {
    case 'bool':
      return fc.boolean();
    case 'float64':
      return fc.double();
    case 'string':
      return NAMES;
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'));
    case 'bytes':
      return fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    case 'records':
      return BATCHES;
    case 'array':
      return fc.array(fieldOf(element!, version), { maxLength: 3 });
    case 'struct':
      return structOf(shape!, version);
    default:
      return fc.oneof({ weight: 3, arbitrary: SMALL }, INTS[kind]!);
  }
}
