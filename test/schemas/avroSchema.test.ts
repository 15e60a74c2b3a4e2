import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { isAnomalyError } from '../../src/errors.ts';
import { canonicalAvroText } from '../../src/schemas/avroCanonical.ts';
import { parseAvroSchema } from '../../src/schemas/avroSchema.ts';
import { schemaArbitrary } from './helpers/schemas.ts';

const record = (...fields: unknown[]) => ({ type: 'record', name: 'R', fields });

function refusal(schema: unknown): string {
  try {
    parseAvroSchema(typeof schema === 'string' ? schema : JSON.stringify(schema));
  } catch (error) {
    assert.ok(isAnomalyError(error) && error.code === 'ANM_SCHEMA_INVALID', String(error));
    return error.message;
  }
  return assert.fail('the schema was accepted');
}

describe('reading Avro schemas', () => {
  it('resolves names, nested namespaces and recursion', () => {
    const node = parseAvroSchema(
      JSON.stringify({
        type: 'record',
        name: 'plant.Pump',
        aliases: ['Old', 'x.Other'],
        fields: [
          { name: 'next', type: ['null', 'Pump'], default: null },
          { name: 'state', type: { type: 'enum', name: 'State', namespace: 'codes', symbols: ['ON'] } },
          { name: 'again', type: 'codes.State' },
        ],
      }),
    );
    assert.ok(node.kind === 'record');
    assert.equal(node.name, 'plant.Pump');
    assert.deepEqual(node.aliases, ['plant.Old', 'x.Other']);
    assert.ok(node.fields[0]?.type.kind === 'union');
    assert.equal(node.fields[0].type.branches[1], node);
    assert.equal(node.fields[1]?.type, node.fields[2]?.type);
  });

  it('says where and why a schema is wrong', () => {
    assert.match(refusal('{'), /not JSON/);
    assert.match(refusal({ type: 'strng' }), /at \/type: the type 'strng' is not defined/);
    assert.match(refusal(record({ name: 'a' })), /at \/fields\/0: 'type' is missing/);
    assert.match(refusal(record({ name: 'a b', type: 'int' })), /"a b" is no valid field name/);
    assert.match(refusal(record({ name: 'a', type: 'int' }, { name: 'a', type: 'int' })), /two fields 'a'/);
    assert.match(refusal(['int', 'int']), /at \/1: the union has two branches of int/);
    assert.match(refusal(['null', ['int']]), /may not hold a union/);
    assert.match(refusal({ type: 'enum', name: 'E', symbols: ['A'], default: 'B' }), /"B" is not a symbol/);
    assert.match(refusal({ type: 'fixed', name: 'F', size: -1 }), /no size in bytes/);
    assert.match(
      refusal([
        { type: 'fixed', name: 'F', size: 1 },
        { type: 'enum', name: 'F', symbols: [] },
      ]),
      /twice/,
    );
  });

  it('checks defaults against their types', () => {
    const withDefault = (type: unknown, value: unknown) => record({ name: 'a', type, default: value });
    assert.match(refusal(withDefault('int', 1.5)), /at \/fields\/0\/default: .*1\.5 is not a value of int/);
    assert.match(refusal(withDefault('int', 2 ** 31)), /not a value of int/);
    assert.match(refusal(withDefault(['null', 'int'], 1)), /not a value of null/);
    assert.match(refusal(withDefault('bytes', '\u0100')), /not a value of bytes/);
    parseAvroSchema(JSON.stringify(withDefault('int', -(2 ** 31))));
    parseAvroSchema(JSON.stringify(withDefault({ type: 'map', values: 'long' }, { x: 1 })));
  });

  it('refuses nesting that would exhaust the stack', () => {
    assert.match(refusal(`${'{"type":"array","items":'.repeat(5000)}"int"${'}'.repeat(5000)}`), /nested more than/);
  });
});

describe('canonical schema text', () => {
  it('is one for white space, attribute order and the two ways to write a namespace', () => {
    const first = '{ "name":"a.R", "type":"record", "fields":[ {"type":"int","name":"x","default":1} ] }';
    const second = '{"type":"record","namespace":"a","name":"R","fields":[{"name":"x","type":"int","default":1}]}';
    assert.equal(canonicalAvroText(first), canonicalAvroText(second));
    assert.equal(
      canonicalAvroText(first),
      '{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":"int","default":1}]}',
    );
  });

  it('keeps what changes the meaning for a reader', () => {
    const text = '{"type":"long","logicalType":"timestamp-millis"}';
    assert.equal(canonicalAvroText(text), text);
  });

  it('is a fixpoint and means the same to avsc', () => {
    fc.assert(
      fc.property(schemaArbitrary(), (schema) => {
        const text = canonicalAvroText(JSON.stringify(schema));
        assert.equal(canonicalAvroText(text), text);
        const fingerprint = (value: unknown) =>
          avsc.Type.forSchema(value as avsc.Schema)
            .fingerprint()
            .toString('hex');
        assert.equal(fingerprint(JSON.parse(text)), fingerprint(schema));
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
