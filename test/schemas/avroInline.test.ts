import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import { inlineAvroTypes } from '../../src/schemas/avroInline.ts';

const SITE = JSON.stringify({
  type: 'record',
  name: 'plant.Site',
  fields: [
    { name: 'id', type: 'long', default: 0 },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['WELL', 'TANK'] } },
  ],
}).replace('"default":0', '"default":9223372036854775807');

describe('Avro types of other subjects', () => {
  it('are written in where they are first named, with their namespace', () => {
    const pump = {
      type: 'record',
      name: 'other.Pump',
      fields: [
        { name: 'site', type: 'plant.Site' },
        { name: 'more', type: { type: 'array', items: ['null', 'plant.Site'] } },
        { name: 'kind', type: 'plant.Kind' },
      ],
    };
    const text = inlineAvroTypes(JSON.stringify(pump), [SITE]);
    assert.ok(text.includes('"default":9223372036854775807'), 'numbers keep their digits');
    assert.equal(text.split('"plant.Site"').length, 2, 'named again, not defined again');
    const type = avsc.Type.forSchema(JSON.parse(text.replace(',"default":9223372036854775807', '')));
    const value = {
      site: { id: 1, kind: 'WELL' },
      more: [null, { id: 2, kind: 'TANK' }],
      kind: 'TANK',
    };
    assert.ok(type.isValid(value), text);
    assert.deepEqual(JSON.parse(JSON.stringify(type.fromBuffer(type.toBuffer(value)))), value);
  });

  it('may have no namespace, also below one that has', () => {
    const plain = JSON.stringify({
      type: 'record',
      name: 'Plain',
      fields: [{ name: 'next', type: ['null', 'Plain'] }],
    });
    const middle = JSON.stringify({ type: 'record', name: 'Middle', fields: [{ name: 'plain', type: 'Plain' }] });
    const top = JSON.stringify({
      type: 'record',
      name: 'Top',
      fields: [
        { name: 'a', type: 'Middle' },
        { name: 'b', type: 'Plain' },
      ],
    });
    const type = avsc.Type.forSchema(JSON.parse(inlineAvroTypes(top, [plain, middle])));
    assert.ok(type.isValid({ a: { plain: { next: null } }, b: { next: { next: null } } }));
  });

  it('leaves alone what nobody defines', () => {
    assert.equal(inlineAvroTypes('["null","x.Y"]', []), '["null","x.Y"]');
  });
});
