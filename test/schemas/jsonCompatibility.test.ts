import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { isAnomalyError } from '../../src/errors.ts';
import { findJsonIncompatibilities } from '../../src/schemas/jsonCompatibility.ts';
import type { ParsedSchema, SchemaParser } from '../../src/schemas/parsedSchema.ts';
import { loadSchemaParser } from '../../src/schemas/schemaParser.ts';

let parser: SchemaParser;
before(async () => {
  parser = await loadSchemaParser('JSON');
});

function parse(schema: unknown): Extract<ParsedSchema, { type: 'JSON' }>['root'] {
  const parsed = parser(JSON.stringify(schema), []);
  assert.ok(parsed.type === 'JSON');
  return parsed.root;
}

function rules(reader: unknown, writer: unknown): string[] {
  return findJsonIncompatibilities(parse(reader), parse(writer)).map(({ rule, path }) => `${rule} ${path}`);
}

function unsure(reader: unknown, writer: unknown): string {
  try {
    rules(reader, writer);
  } catch (error) {
    assert.ok(isAnomalyError(error) && error.code === 'ANM_SCHEMA_UNSUPPORTED', String(error));
    return error.message;
  }
  return assert.fail('a verdict was given');
}

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const closed = (properties: object, more: object = {}) => object(properties, { additionalProperties: false, ...more });

describe('compatibility of JSON Schema', () => {
  it('takes wider types and values, and no narrower ones', () => {
    assert.deepEqual(rules({ type: 'number' }, { type: 'integer' }), []);
    assert.deepEqual(rules({ type: 'integer' }, { type: 'number' }), ['TYPE_NARROWED #/type']);
    assert.deepEqual(rules({ type: ['string', 'null'] }, { type: 'string' }), []);
    assert.deepEqual(rules({ type: 'string' }, { type: ['string', 'null'] }), ['TYPE_NARROWED #/type']);
    assert.deepEqual(rules({ type: 'string' }, { type: 'integer' }), ['TYPE_CHANGED #/type']);
    assert.deepEqual(rules({ enum: ['a', 'b'] }, { enum: ['a'] }), []);
    assert.deepEqual(rules({ enum: ['a'] }, { enum: ['a', 'b'] }), ['ENUM_ARRAY_NARROWED #/enum']);
    assert.deepEqual(rules({}, { const: 1 }), []);
    assert.deepEqual(rules({ maximum: 5 }, { maximum: 6 }), ['MAXIMUM_DECREASED #/maximum']);
    assert.deepEqual(rules({ minLength: 1 }, {}), ['MIN_LENGTH_ADDED #/minLength']);
    assert.deepEqual(rules({ multipleOf: 2 }, { multipleOf: 4 }), []);
    assert.deepEqual(rules({ multipleOf: 4 }, { multipleOf: 2 }), ['MULTIPLE_OF_CHANGED #/multipleOf']);
  });

  it('names the property by path and field', () => {
    const inner = (type: string) => closed({ pump: closed({ pressure: { type } }) });
    const [clash] = findJsonIncompatibilities(parse(inner('string')), parse(inner('number')));
    assert.deepEqual([clash?.field, clash?.path], ['pump.pressure', '#/properties/pump/properties/pressure/type']);
  });

  it('knows open and closed content', () => {
    const a = { a: { type: 'number' } };
    const ab = { ...a, b: { type: 'string' } };
    assert.deepEqual(rules(closed(ab), closed(a)), []);
    assert.deepEqual(rules(closed(a), closed(ab)), ['PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/b']);
    assert.deepEqual(rules(object(ab), object(a)), ['PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b']);
    assert.deepEqual(rules(object(a), object(ab)), []);
    assert.deepEqual(rules(closed(a), object(a)), ['ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties']);
    assert.deepEqual(rules(closed(ab, { required: ['b'] }), closed(a)), ['REQUIRED_ATTRIBUTE_ADDED #/properties/b']);
  });

  it('compares items by position', () => {
    const tuple = (...items: object[]) => ({ type: 'array', items, additionalItems: false });
    const text = { type: 'string' };
    assert.deepEqual(rules(tuple(text, text), tuple(text)), []);
    assert.deepEqual(rules(tuple(text), tuple(text, text)), ['ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL #/items/1']);
    assert.deepEqual(rules({ items: { type: 'integer' } }, { items: { type: 'number' } }), [
      'TYPE_NARROWED #/items/type',
    ]);
  });

  it('follows $ref and ends on recursion', () => {
    const list = (type: string) => ({
      $ref: '#/definitions/node',
      definitions: { node: closed({ value: { type }, next: { $ref: '#/definitions/node' } }) },
    });
    assert.deepEqual(rules(list('number'), list('number')), []);
    assert.deepEqual(rules(list('number'), list('integer')), []);
    assert.deepEqual(rules(list('integer'), list('number')), ['TYPE_NARROWED #/properties/value/type']);
  });

  it('compares choices, and gives up on overlapping ones that changed', () => {
    const one = { oneOf: [{ type: 'string' }, { type: 'null' }] };
    assert.deepEqual(rules({ oneOf: [...one.oneOf, { type: 'number' }] }, one), []);
    assert.deepEqual(rules({ type: ['string', 'null'] }, one), []);
    assert.deepEqual(rules({ anyOf: [{ type: 'string' }] }, one), ['SUM_TYPE_NARROWED #/oneOf/1/anyOf']);
    assert.match(unsure({ oneOf: [{ minimum: 1 }, { minimum: 5 }] }, { oneOf: [{ minimum: 1 }] }), /at #\/oneOf/);
    const all = { allOf: [{ type: 'object' }, { required: ['a'] }] };
    assert.deepEqual(rules(all, all), []);
    assert.deepEqual(rules({ allOf: [{ maximum: 5 }] }, { minimum: 1 }), ['MAXIMUM_ADDED #/allOf/0/maximum']);
  });

  it('says which keyword it cannot compare', () => {
    assert.match(unsure({ not: { type: 'string' } }, {}), /cannot compare the reader with the writer at #\/not/);
    assert.deepEqual(rules({ not: { type: 'string' } }, { not: { type: 'string' } }), []);
    assert.deepEqual(rules({}, { not: { type: 'string' } }), []);
    const reader = { if: { type: 'string' }, else: { minimum: 1 } };
    assert.match(unsure(reader, { ...reader, else: { minimum: 0 } }), /#\/else/);
    const named = (definition: object) => ({ not: { $ref: '#/definitions/a' }, definitions: { a: definition } });
    assert.match(unsure(named({ type: 'string' }), named({ type: 'number' })), /#\/not/);
  });

  it('never calls a pair compatible when a document shows that it is not', () => {
    let compatible = 0;
    let shown = 0;
    let unknown = 0;
    fc.assert(
      fc.property(
        schemas(),
        schemas(),
        fc.array(documents(), { minLength: 20, maxLength: 20 }),
        (reader, writer, all) => {
          const ajv = new Ajv({ strict: false });
          let found: unknown[];
          try {
            found = findJsonIncompatibilities(parse(reader), parse(writer));
          } catch (error) {
            assert.ok(isAnomalyError(error) && error.code === 'ANM_SCHEMA_UNSUPPORTED', String(error));
            unknown += 1;
            return;
          }
          assert.deepEqual(findJsonIncompatibilities(parse(reader), parse(reader)), [], 'it does not fit itself');
          const takes = ajv.compile(reader as object | boolean);
          const gives = ajv.compile(writer as object | boolean);
          const witness = all.find((document) => gives(document) && !takes(document));
          if (found.length === 0) {
            compatible += 1;
            assert.equal(witness, undefined, JSON.stringify({ reader, writer, witness }));
          } else if (witness !== undefined) shown += 1;
        },
      ),
      { numRuns: 3000, seed: 11 },
    );
    assert.ok(compatible > 300 && shown > 300, `compatible ${compatible}, shown ${shown}, unknown ${unknown}`);
  });
});

/** Small schemas of few words, so that two of them often nearly fit. */
function schemas(): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    schema: fc.oneof(
      { maxDepth: 2, depthIdentifier: 'json' },
      fc.constantFrom<unknown>({}, true, { type: 'string' }, { type: 'integer' }, { type: 'number' }, { type: 'null' }),
      fc.record(
        { type: fc.constantFrom('integer', 'number'), maximum: fc.constantFrom(1, 2), minimum: fc.constantFrom(0, 1) },
        { requiredKeys: [] },
      ),
      fc.record({ enum: fc.uniqueArray(fc.constantFrom('a', 1, null, true), { minLength: 1 }) }),
      fc.record({ type: fc.uniqueArray(fc.constantFrom('string', 'null', 'integer', 'object'), { minLength: 1 }) }),
      fc.record(
        {
          type: fc.constant('object'),
          properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('schema'), { maxKeys: 2 }),
          required: fc.uniqueArray(fc.constantFrom('a', 'b')),
          additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
          patternProperties: fc.constantFrom({ '^a': { type: 'string' } }, { b: {} }),
        },
        { requiredKeys: [] },
      ),
      fc.record({ items: tie('schema'), minItems: fc.constantFrom(0, 1) }, { requiredKeys: [] }),
      fc.record({ items: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }), additionalItems: fc.boolean() }),
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
      fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
      fc.record({
        allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
        type: fc.constantFrom('object', 'integer'),
      }),
      fc.record({ not: tie('schema') }),
    ),
  })).schema!;
}

function documents(): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 2 },
      fc.constantFrom<unknown>('a', 'ab', 1, 0, 2, 1.5, null, true),
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'ab'), tie('value'), { maxKeys: 2 }),
      fc.array(tie('value'), { maxLength: 3 }),
    ),
  })).value!;
}
