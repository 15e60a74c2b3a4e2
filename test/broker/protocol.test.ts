import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_PROFILE, PROFILES, profileNamed } from '../../src/broker/profiles.ts';
import { APIS, type ApiName, apiOf, readResponse, responseFrame } from '../../src/broker/protocol/apis.ts';
import { ByteReader, ByteWriter } from '../../src/broker/protocol/bytes.ts';
import type { Codec } from '../../src/broker/protocol/codec.ts';
import type { AnyField, Shape } from '../../src/broker/protocol/schema.ts';

// Goal: whatever a table of an API can say in a version is read back as it was written, for every version advertised.
// Method: messages are generated from the tables themselves. That the tables say what Kafka's do is shown by foreign
// clients (clients.test.ts) and by the fixed bytes below.

const NEWEST = profileNamed(DEFAULT_PROFILE)!;

function anyValue(field: AnyField, version: number): fc.Arbitrary<unknown> {
  const isNullable = version >= field.nullableSince || field.kind === 'records';
  const value = plainValueOf(field, version);
  return isNullable ? fc.option(value, { nil: null }) : value;
}

function plainValueOf(field: AnyField, version: number): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.integer({ min: -128, max: 127 });
    case 'int16':
      return fc.integer({ min: -32768, max: 32767 });
    case 'int32':
      return fc.integer();
    case 'int64':
      return fc.maxSafeInteger();
    case 'float64':
      return fc.double({ noNaN: true });
    case 'string':
      return fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replace(/[\ud800-\udfff]/g, '?'));
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((raw) => Buffer.from(raw).toString('hex'));
    case 'bytes':
    case 'records':
      return fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw));
    case 'array':
      return fc.array(plainValueOf(field.element!, version), { maxLength: 3 });
    case 'struct':
      return messageOf(field.shape!, version);
  }
}

function messageOf(shape: Shape, version: number): fc.Arbitrary<Record<string, unknown>> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, field] of Object.entries(shape)) {
    const isCarried = version >= field.since && version <= field.until;
    fields[name] = isCarried ? anyValue(field, version) : fc.constant(field.fallback);
  }
  return fc.record(fields, { noNullPrototype: true });
}

function roundTrip(codec: Codec<Shape>, version: number): void {
  fc.assert(
    fc.property(messageOf(codec.shape, version), (message) => {
      const writer = new ByteWriter();
      codec.encode(writer, version, message);
      const reader = new ByteReader(Buffer.concat(writer.frame()).subarray(4));
      assert.deepEqual(codec.decode(reader, version), message);
      assert.equal(reader.remaining, 0);
    }),
    { numRuns: 25 },
  );
}

for (const [name, [first, last]] of Object.entries(NEWEST.apis) as [ApiName, [number, number]][]) {
  test(`${name} ${first} to ${last}: a message is read back as it was written`, () => {
    for (let version = first; version <= last; version++) {
      roundTrip(apiOf(name).request, version);
      roundTrip(apiOf(name).response, version);
    }
  });
}

test('each profile advertises only APIs with tables, and never less than the one before', () => {
  let before: (typeof PROFILES)[number] | undefined;
  for (const profile of PROFILES) {
    for (const [name, [first, last]] of Object.entries(profile.apis)) {
      assert.ok(name in APIS, name);
      assert.ok(first <= last);
      const older = before?.apis[name as ApiName];
      if (older !== undefined) assert.ok(first === older[0] && last >= older[1], `${profile.name} ${name}`);
    }
    before = profile;
  }
  assert.equal(profileNamed('26.2'), NEWEST);
  assert.equal(profileNamed('v25.1')?.name, 'v24.3');
  assert.equal(profileNamed('v1'), undefined);
});

test('ApiVersions keeps response header 0 in its flexible version', () => {
  const [frame] = responseFrame(new ByteWriter(), 'ApiVersions', 3, 7, {
    apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 3 }],
  });
  // length, correlation id, error, compact array of 1, key, min, max, no tags, throttle, no tags
  assert.equal(frame!.toString('hex'), '0000001300000007000002001200000003000000000000');
});

test('a heartbeat in its flexible version has the bytes that the protocol guide states', () => {
  const [frame] = responseFrame(new ByteWriter(), 'Heartbeat', 4, 9, { errorCode: 27 });
  // length, correlation id, no tags in the header, throttle, error, no tags
  assert.equal(frame!.toString('hex'), '0000000c000000090000000000001b00');
});

test('a tagged field is written with its tag and length, and an unknown one is skipped', () => {
  const [frame] = responseFrame(new ByteWriter(), 'ApiVersions', 3, 1, { finalizedFeaturesEpoch: 5 });
  const known = Buffer.from('0101080000000000000005', 'hex');
  assert.deepEqual(frame!.subarray(-known.length), known);
  const unknown = Buffer.from('016302ffff', 'hex');
  const foreign = Buffer.concat([frame!.subarray(4, -known.length), unknown]);
  assert.equal(readResponse('ApiVersions', 3, foreign).unread, 0);
});

test('record batches are sent from where they lie', () => {
  const records = [Buffer.from('first'), Buffer.from('second')];
  const pieces = responseFrame(new ByteWriter(), 'Fetch', 12, 1, {
    responses: [{ topic: 't', partitions: [{ partitionIndex: 0, records }] }],
  });
  assert.ok(pieces.includes(records[0]!) && pieces.includes(records[1]!));
  const whole = Buffer.concat(pieces);
  assert.equal(whole.readInt32BE(0), whole.length - 4);
  const { response } = readResponse('Fetch', 12, whole.subarray(4));
  assert.equal(response.responses[0]!.partitions[0]!.records!.toString(), 'firstsecond');
});

test('a message that ends too early or counts too many elements is refused', () => {
  const codec = apiOf('Metadata').request;
  const read = (hex: string) => codec.decode(new ByteReader(Buffer.from(hex, 'hex')), 1);
  assert.throws(() => read('00000001'), RangeError);
  assert.throws(() => read('7fffffff'), RangeError);
  assert.throws(() => read('0000000100056162'), RangeError);
});
