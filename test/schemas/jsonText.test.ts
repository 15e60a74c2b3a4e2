import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalAvroText } from '../../src/schemas/avroCanonical.ts';
import { ExactJson, isNestedDeeper, sortMembers } from '../../src/schemas/jsonText.ts';

describe('JSON text', () => {
  it('keeps the digits of each number, and each string', () => {
    const kept = (text: string) => {
      const json = new ExactJson(text);
      return json.write(json.value);
    };
    for (const text of ['9223372036854775807', '[1.0,1e400,-0,0.1,-1E+5]', '{"#1":"#1.0","##":2.0}', '"\\u0023 1.0"']) {
      assert.equal(kept(text), text.replace('\\u0023', '#'));
    }
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value);
        assert.equal(kept(text), text);
      }),
      { seed: 17 },
    );
    const long = '{"type":"record","name":"R","fields":[{"name":"a","type":"long","default":9223372036854775807}]}';
    assert.equal(canonicalAvroText(long), long);
  });

  it('counts brackets outside of strings', () => {
    assert.equal(isNestedDeeper('[[[]]]', 3), false);
    assert.equal(isNestedDeeper('[[[]]]', 2), true);
    assert.equal(isNestedDeeper('["[[[[", {"a\\"[[[": 1}]', 2), false);
    assert.equal(isNestedDeeper('[][][][]', 1), false);
  });

  it('sorts the members of objects at every depth', () => {
    assert.equal(JSON.stringify(sortMembers({ b: [{ d: 1, c: 2 }], a: null })), '{"a":null,"b":[{"c":2,"d":1}]}');
  });
});
