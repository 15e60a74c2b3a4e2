import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import protobufjs from 'protobufjs';
import { isAnomalyError } from '../../src/errors.ts';
import { findProtobufIncompatibilities } from '../../src/schemas/protobufCompatibility.ts';
import { parseProtobufSchema } from '../../src/schemas/protobufSchema.ts';

function parse(text: string, references: { name: string; text: string }[] = []) {
  const parsed = parseProtobufSchema(text, references);
  assert.ok(parsed.type === 'PROTOBUF');
  return parsed.root;
}

const proto3 = (body: string) => `syntax = "proto3"; ${body}`;

function refusal(text: string): string {
  try {
    parse(text);
  } catch (error) {
    assert.ok(isAnomalyError(error) && error.code === 'ANM_SCHEMA_INVALID', String(error));
    return error.message;
  }
  return assert.fail('the schema was accepted');
}

function rules(reader: string, writer: string): string[] {
  return findProtobufIncompatibilities(parse(reader), parse(writer)).map(({ rule, path }) => `${rule} ${path}`);
}

const EVERYTHING = `
edition = "2023";
package plant.v1; // one
import public "google/protobuf/timestamp.proto";
import "google/protobuf/descriptor.proto";
option java_package = "org.plant" "able"; ;
option (my).deep.er = { a: 1, b: [1, -2.5e3, inf], c { d: "x" } e: < f: 1 > };
extend google.protobuf.FieldOptions { string unit = 50001; }
message Pump {
  option deprecated = true;
  reserved 7, 9 to 11, 100 to max; reserved "old", 'older';
  extensions 60 to 69 [verification = UNVERIFIED];
  enum State { option allow_alias = true; OFF = 0; ON = 1 [deprecated = true]; RUNNING = 1; NEG = -0x5; reserved -9 to -7; reserved "GONE"; }
  message Part { int32 id = 1; Pump owner = 2; }
  State state = 1 [features.field_presence = EXPLICIT, (unit) = "bar", json_name = "s"];
  repeated Part parts = 2; map<string, .plant.v1.Pump.Part> by_name = 3;
  oneof choice { option (x) = 1; double message = 4; bytes enum = 5; }
  google.protobuf.Timestamp at = 6; Part.Missing.Not missing = 8;
  message Missing {}
}
service Pumps { option (a) = 1; rpc Watch (stream Pump) returns (stream Pump) { option (http) = { get: "/v1" }; } rpc Get(Pump) returns (Pump); }
`;

describe('reading Protobuf', () => {
  it('reads what the language has', () => {
    const text = EVERYTHING.replace('Part.Missing.Not missing = 8;', '');
    const [pump] = parse(text).messages;
    assert.equal(pump?.fullName, 'plant.v1.Pump');
    assert.deepEqual([...pump.fields.keys()], [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(pump.fields.get(1)?.type, { kind: 'scalar', name: 'State', encoding: 'varint' });
    assert.equal(pump.fields.get(4)?.oneof, 'choice');
    const map = pump.fields.get(3)?.type;
    assert.ok(map?.kind === 'map' && map.value.kind === 'message' && map.value.message === pump.nested[0]);
    assert.match(refusal(EVERYTHING), /line 18: the type 'Part\.Missing\.Not' is not defined/);
  });

  it('reads proto2 with groups, required fields and extensions', () => {
    const text = `message A { required int32 id = 1; repeated group Item = 2 { optional string name = 3; }
      extensions 100 to max; extend A { optional A inner = 101; } oneof o { group Other = 5 { optional A a = 1; } } }`;
    const [a] = parse(text).messages;
    assert.equal(a?.fields.get(1)?.isRequired, true);
    assert.ok(a.fields.get(2)?.type.kind === 'message');
    assert.equal(a.fields.get(5)?.oneof, 'o');
    assert.deepEqual(a.nested, []);
  });

  it('says where and why a file is wrong', () => {
    assert.match(refusal('syntax = "proto4";'), /line 1: the syntax "proto4" is not known/);
    assert.match(refusal(proto3('message A { int32 a = 1 }')), /'}' where ';' should stand/);
    assert.match(refusal(proto3('message A { int32 a = 0; }')), /number 0, which is out of range/);
    assert.match(refusal(proto3('message A { int32 a = 19500; }')), /reserved/);
    assert.match(refusal(proto3('message A { required int32 a = 1; }')), /'required' is not part of proto3/);
    assert.match(refusal('message A { int32 a = 1; }'), /'int32' where 'required', 'optional' or 'repeated'/);
    assert.match(
      refusal(proto3('message A { reserved 2 to 4; int32 a = 3; }')),
      /the number 3 of field 'a' is reserved/,
    );
    assert.match(refusal(proto3('message A { reserved "a"; int32 a = 3; }')), /the name 'a' is reserved/);
    assert.match(refusal(proto3('message A { int32 a = 1; string a = 2; }')), /declares 'a' twice/);
    assert.match(refusal(proto3('message A {} message A {}')), /'A' is declared twice/);
    assert.match(refusal(proto3('enum E { A = 1; }')), /not 0, as proto3 wants it/);
    assert.match(refusal(proto3('enum E { A = 0; B = 0; }')), /two values of one number/);
    assert.match(refusal(proto3('message A { map<float, int32> a = 1; }')), /keys of type float/);
    assert.match(refusal(proto3('message A { oneof o {} }')), /'o' has no field/);
    assert.match(refusal(proto3('message A {\n int32 a = 1;\n')), /line 3: the end where/);
    assert.match(refusal(proto3('service S { rpc A (B) returns (C); }')), /'B' is not defined/);
    assert.match(refusal(proto3('option a = "open')), /cannot read "\\"open"/);
  });

  it('takes and refuses what protobufjs does', () => {
    let taken = 0;
    fc.assert(
      fc.property(files(), (text) => {
        let theirs = true;
        try {
          const root = new protobufjs.Root();
          protobufjs.parse(text, root, { keepCase: true });
          root.resolveAll();
        } catch {
          theirs = false;
        }
        let own = true;
        try {
          parse(text);
        } catch (error) {
          assert.ok(isAnomalyError(error), String(error));
          own = false;
        }
        if (theirs) taken += 1;
        assert.equal(own, theirs, text);
      }),
      { numRuns: 2000, seed: 5 },
    );
    assert.ok(taken > 300 && taken < 1800, `taken ${taken} of 2000`);
  });
});

describe('compatibility of Protobuf', () => {
  const message = (body: string) => proto3(`package p; message M { ${body} }`);

  it('keeps encodings apart', () => {
    assert.deepEqual(rules(message('uint64 a = 1;'), message('int32 a = 1;')), []);
    assert.deepEqual(rules(message('bool renamed = 1;'), message('int32 a = 1;')), []);
    assert.deepEqual(rules(message('bytes a = 1;'), message('string a = 1;')), []);
    assert.deepEqual(rules(message('sint32 a = 1;'), message('int32 a = 1;')), ['FIELD_SCALAR_KIND_CHANGED #/p.M/1']);
    assert.deepEqual(rules(message('E a = 1; enum E { X = 0; }'), message('int32 a = 1;')), []);
    assert.deepEqual(rules(message('M a = 1;'), message('int32 a = 1;')), ['FIELD_KIND_CHANGED #/p.M/1']);
    assert.deepEqual(rules(message('map<string, int32> a = 1;'), message('map<string, string> a = 1;')), [
      'FIELD_SCALAR_KIND_CHANGED #/p.M/1',
    ]);
  });

  it('knows messages by name, nested ones and those of fields too', () => {
    assert.deepEqual(rules(proto3('message N {}'), proto3('message M {}')), ['MESSAGE_REMOVED #/M']);
    assert.deepEqual(rules(message(''), message('message N {}')), ['MESSAGE_REMOVED #/p.M/N']);
    assert.deepEqual(rules(message('B a = 1; message A {} message B {}'), message('A a = 1; message A {}')), [
      'FIELD_NAMED_TYPE_CHANGED #/p.M/1',
    ]);
    const deep = (type: string) => proto3(`message A { B b = 1; } message B { ${type} c = 2; A again = 3; }`);
    const [clash] = findProtobufIncompatibilities(parse(deep('string')), parse(deep('int32')));
    assert.deepEqual([clash?.rule, clash?.field], ['FIELD_SCALAR_KIND_CHANGED', 'c']);
  });

  it('holds required fields and oneofs', () => {
    const p2 = (body: string) => `message M { ${body} }`;
    assert.deepEqual(rules(p2('required int32 a = 1;'), p2('')), ['REQUIRED_FIELD_ADDED #/M/1']);
    assert.deepEqual(rules(p2(''), p2('required int32 a = 1;')), ['REQUIRED_FIELD_REMOVED #/M/1']);
    assert.deepEqual(rules(p2(''), p2('optional int32 a = 1;')), []);
    assert.deepEqual(rules(message('oneof o { int32 a = 1; }'), message('int32 a = 1;')), []);
    assert.deepEqual(rules(message('oneof o { int32 a = 1; int32 b = 2; }'), message('int32 a = 1; int32 b = 2;')), [
      'MULTIPLE_FIELDS_MOVED_TO_ONEOF #/p.M/o',
    ]);
    assert.deepEqual(rules(message('oneof o { int32 b = 2; }'), message('oneof o { int32 a = 1; int32 b = 2; }')), [
      'ONEOF_FIELD_REMOVED #/p.M/o/1',
    ]);
    assert.deepEqual(rules(message('optional int32 a = 1;'), message('int32 a = 1;')), []);
  });
});

/**
 * Short proto3 files with the usual mistakes in some of them. Left out is what protobufjs takes and protoc does not, as
 * this parser: numbers from 19000 to 19999, names of types of other messages without those messages' names.
 */
function files(): fc.Arbitrary<string> {
  const name = fc.constantFrom('a', 'b', 'c', 'state');
  const type = fc.constantFrom('int32', 'string', 'double', 'A', 'B', 'A.N', '.A', 'Missing');
  const number = fc.constantFrom('1', '2', '3', '0x4', '536870911');
  const field = fc
    .tuple(
      fc.constantFrom('', '', 'repeated ', 'optional '),
      type,
      name,
      number,
      fc.constantFrom(';', ';', ' [deprecated = true];'),
    )
    .map(([label, of, called, at, end]) => `${label}${of} ${called} = ${at}${end}`);
  const member = fc.oneof(
    { weight: 6, arbitrary: field },
    fc.tuple(name, number).map(([called, at]) => `map<string, A> ${called} = ${at};`),
    fc
      .tuple(field, name)
      .map(([inside, called]) => `oneof o${called} { ${inside.replace(/^(repeated|optional) /, '')} }`),
    fc.constantFrom(
      'message N { int32 x = 1; }',
      'enum E { X = 0; Y = 1; }',
      'option a = "b";',
      '// note\n',
      '/* * / */',
    ),
    number.map((at) => `reserved ${at};`),
  );
  return (
    fc
      .array(fc.array(member, { maxLength: 3 }), { minLength: 1, maxLength: 2 })
      // Reserved numbers first: protobufjs does not hold them against the fields before them.
      .map((messages) => messages.map((members) => members.sort((left, right) => rank(left) - rank(right))))
      .map((messages) => proto3(messages.map((members, i) => `message ${'AB'[i]} { ${members.join(' ')} }`).join('\n')))
  );
}

function rank(member: string): number {
  return member.startsWith('reserved') ? 0 : 1;
}
