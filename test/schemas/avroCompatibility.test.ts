import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { isAnomalyError } from '../../src/errors.ts';
import { findIncompatibilities } from '../../src/schemas/avroCompatibility.ts';
import { parseAvroSchema } from '../../src/schemas/avroSchema.ts';
import { describeIncompatibility } from '../../src/schemas/incompatibility.ts';
import { schemaArbitrary } from './helpers/schemas.ts';

function compare(reader: unknown, writer: unknown) {
  return findIncompatibilities(parseAvroSchema(JSON.stringify(reader)), parseAvroSchema(JSON.stringify(writer)));
}

function rules(reader: unknown, writer: unknown): string[] {
  return compare(reader, writer).map(({ rule, path }) => `${rule} ${path}`);
}

const record = (fields: unknown[], more: object = {}) => ({ type: 'record', name: 'R', fields, ...more });

describe('Avro schema resolution', () => {
  it('takes the promotions of the specification and no others', () => {
    const names = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'];
    const readable = names.flatMap((reader) =>
      names.filter((writer) => reader !== writer && rules(reader, writer).length === 0).map((w) => `${w}>${reader}`),
    );
    assert.deepEqual(readable.sort(), [
      'bytes>string',
      'float>double',
      'int>double',
      'int>float',
      'int>long',
      'long>double',
      'long>float',
      'string>bytes',
    ]);
    assert.deepEqual(rules('int', 'long'), ['TYPE_MISMATCH /']);
  });

  it('names a new field without default, and each other clash of the same record', () => {
    const writer = record([{ name: 'a', type: 'long' }]);
    const reader = record([
      { name: 'a', type: 'int' },
      { name: 'site', type: 'string' },
      { name: 'b', type: ['null', 'string'], default: null },
    ]);
    assert.deepEqual(rules(reader, writer), [
      'READER_FIELD_MISSING_DEFAULT_VALUE /fields/1',
      'TYPE_MISMATCH /fields/0/type',
    ]);
    assert.equal(
      describeIncompatibility(compare(reader, writer)[0]!),
      "field 'site': the reader gives it no default and the writer has no such field " +
        '(READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1)',
    );
    assert.deepEqual(rules(writer, reader), []);
  });

  it('gives the path of a nested field by names', () => {
    const nested = (type: string) =>
      record([{ name: 'pump', type: { type: 'record', name: 'Pump', fields: [{ name: 'pressure', type }] } }]);
    assert.equal(compare(nested('int'), nested('double'))[0]?.field, 'pump.pressure');
    assert.equal(compare(nested('int'), nested('double'))[0]?.path, '/fields/0/type/fields/0/type');
  });

  it('follows aliases of records and fields', () => {
    const writer = { type: 'record', name: 'x.Old', fields: [{ name: 'v', type: 'int' }] };
    const fields = [{ name: 'value', aliases: ['v'], type: 'long' }];
    assert.deepEqual(rules({ type: 'record', name: 'x.New', aliases: ['Old'], fields }, writer), []);
    assert.deepEqual(rules({ type: 'record', name: 'x.New', fields }, writer), ['NAME_MISMATCH /name']);
  });

  it('compares enums, and takes unknown symbols when the reader has a default', () => {
    const symbols = (names: string[], more: object = {}) => ({ type: 'enum', name: 'E', symbols: names, ...more });
    assert.deepEqual(rules(symbols(['A', 'B']), symbols(['A'])), []);
    assert.deepEqual(rules(symbols(['A']), symbols(['A', 'B'])), ['MISSING_ENUM_SYMBOLS /symbols']);
    assert.deepEqual(rules(symbols(['A'], { default: 'A' }), symbols(['A', 'B'])), []);
  });

  it('compares fixed sizes, items and values', () => {
    const fixed = (size: number) => ({ type: 'fixed', name: 'F', size });
    assert.deepEqual(rules(fixed(4), fixed(8)), ['FIXED_SIZE_MISMATCH /size']);
    assert.deepEqual(rules({ type: 'array', items: 'long' }, { type: 'array', items: 'int' }), []);
    assert.deepEqual(rules({ type: 'array', items: 'int' }, { type: 'array', items: 'long' }), [
      'TYPE_MISMATCH /items',
    ]);
    assert.deepEqual(rules({ type: 'map', values: 'int' }, { type: 'map', values: 'string' }), [
      'TYPE_MISMATCH /values',
    ]);
  });

  it('wants a branch for each branch of the writer, and says what is wrong in the one that was meant', () => {
    assert.deepEqual(rules(['null', 'string'], 'string'), []);
    assert.deepEqual(rules('string', ['null', 'string']), ['TYPE_MISMATCH /']);
    assert.deepEqual(rules(['null', 'int'], ['null', 'string']), ['MISSING_UNION_BRANCH /1']);
    assert.deepEqual(rules(['null', record([{ name: 'a', type: 'int' }])], ['null', record([])]), [
      'MISSING_UNION_BRANCH /1',
      'READER_FIELD_MISSING_DEFAULT_VALUE /1/fields/0',
    ]);
  });

  it('ignores logical types and other attributes', () => {
    assert.deepEqual(rules({ type: 'long', logicalType: 'timestamp-millis' }, 'long'), []);
  });

  it('ends on recursive types, good and bad ones', () => {
    const list = (fields: unknown[]) => record([{ name: 'next', type: ['null', 'R'], default: null }, ...fields]);
    assert.deepEqual(rules(list([]), list([])), []);
    assert.deepEqual(rules(list([{ name: 'id', type: 'int' }]), list([])), [
      'READER_FIELD_MISSING_DEFAULT_VALUE /fields/1',
      'MISSING_UNION_BRANCH /fields/0/type/1',
    ]);
  });

  it('stays fast on many records that all refer to each other', () => {
    const count = 24;
    const names = Array.from({ length: count }, (_, index) => `N${index}`);
    const define = (index: number): unknown => ({
      type: 'record',
      name: names[index],
      fields: names.map((name, position) => ({
        name: name.toLowerCase(),
        type: ['null', position === index + 1 ? define(position) : position <= index ? name : 'int'],
      })),
    });
    assert.deepEqual(rules(define(0), define(0)), []);
  });

  it('gives up on pairs that would hold the process or exhaust its stack', () => {
    const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
    const gaveUp = (schema: unknown, reason: RegExp) =>
      assert.throws(
        () => rules(schema, schema),
        (error) => isAnomalyError(error) && error.code === 'ANM_SCHEMA_UNSUPPORTED' && reason.test(error.message),
      );
    const wide = numbers(2000).map((i) => ({ type: 'record', name: `R${i}`, fields: [] }));
    gaveUp(wide, /more than 100000 comparisons/);
    const fields = (i: number) => (i === 0 ? [] : [{ name: 'a', type: `R${i - 1}` }]);
    const chain = numbers(800).map((i) => ({ type: 'record', name: `R${i}`, fields: fields(i) }));
    const last = { type: 'record', name: 'Last', fields: [{ name: 'all', type: chain.slice(0, 1) }] };
    assert.deepEqual(rules(last, last), []);
    // Each record is defined in a field of its own before the next one names it.
    const flat = { type: 'record', name: 'Flat', fields: chain.map((type, i) => ({ name: `f${i}`, type })).reverse() };
    const ordered = { ...flat, fields: [...flat.fields].reverse() };
    assert.deepEqual(rules(ordered, ordered), []);
    const deep = { type: 'record', name: 'Deep', fields: [{ name: 'x', type: 'R799' }] };
    const text = JSON.stringify(deep);
    const node = parseAvroSchema(text, [JSON.stringify(ordered)]);
    assert.throws(() => findIncompatibilities(node, node), /nested more than 500 deep/);
  });

  it('agrees with avsc on random pairs of schemas', () => {
    let refused = 0;
    let accepted = 0;
    fc.assert(
      fc.property(schemaArbitrary(), schemaArbitrary(), fc.boolean(), (reader, other, same) => {
        const writer = same ? reader : other;
        const own = compare(reader, writer);
        let theirs = true;
        try {
          avsc.Type.forSchema(reader as avsc.Schema).createResolver(avsc.Type.forSchema(writer as avsc.Schema));
        } catch {
          theirs = false;
        }
        if (theirs) accepted += 1;
        else refused += 1;
        assert.equal(own.length === 0, theirs, JSON.stringify({ reader, writer, own }));
      }),
      { numRuns: 3000, seed: 7 },
    );
    // Both outcomes must be common, or the comparison says little.
    assert.ok(refused > 300 && accepted > 300, `refused ${refused}, accepted ${accepted}`);
  });

  it('agrees with a plain fixpoint on records that refer to each other', () => {
    let fit = 0;
    fc.assert(
      fc.property(graphs(), graphs(), (reader, writer) => {
        const own = compare(build(reader), build(writer)).length === 0;
        assert.equal(own, fixpoint(reader, writer), JSON.stringify({ reader, writer }));
        if (own) fit += 1;
      }),
      { numRuns: 2000, seed: 13 },
    );
    assert.ok(fit > 200 && fit < 1800, `${fit} of 2000 fit`);
  });
});

/** Three records R0, R1, R2 with fields that may lead to any of them. */
type Graph = readonly (readonly { name: string; type: 'int' | 'long' | number; optional: boolean }[])[];

function graphs(): fc.Arbitrary<Graph> {
  const field = fc.record({
    name: fc.constantFrom('a', 'b'),
    type: fc.constantFrom<'int' | 'long' | number>('int', 'int', 'long', 0, 1, 2),
    optional: fc.boolean(),
  });
  const record = fc.uniqueArray(field, { selector: ({ name }) => name, maxLength: 2 });
  return fc.tuple(record, record, record);
}

/** Each record is defined where it is first met, all of them below one. */
function build(graph: Graph): unknown {
  const defined = new Set<number>();
  const define = (index: number): unknown => {
    if (defined.has(index)) return `R${index}`;
    defined.add(index);
    const fields = graph[index]!.map(({ name, type, optional }) => {
      const of = typeof type === 'number' ? ['null', define(type)] : type;
      return { name, type: of, ...(optional ? { default: typeof type === 'number' ? null : 1 } : {}) };
    });
    return { type: 'record', name: `R${index}`, fields };
  };
  return { type: 'record', name: 'Top', fields: [0, 1, 2].map((i) => ({ name: `r${i}`, type: define(i) })) };
}

/** The greatest set of pairs that hold each other up, straight from the specification. */
function fixpoint(reader: Graph, writer: Graph): boolean {
  const good = [true, true, true];
  for (let round = 0; round < 4; round++) {
    for (const index of [0, 1, 2]) {
      good[index] = reader[index]!.every((field) => {
        const source = writer[index]!.find(({ name }) => name === field.name);
        if (source === undefined) return field.optional;
        if (typeof field.type === 'number' && typeof source.type === 'number') {
          return field.type === source.type && good[field.type]!;
        }
        return field.type === source.type || (field.type === 'long' && source.type === 'int');
      });
    }
  }
  return good.every((each) => each);
}
