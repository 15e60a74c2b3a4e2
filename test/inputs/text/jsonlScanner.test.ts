import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonlScanner } from '../../../src/inputs/text/jsonlScanner.ts';
import { readAll } from '../helpers.ts';

const PATHS = [['id'], ['value'], ['pump', 'pressure'], ['pump', 'état'], ['tags']];
const read = (text: string, paths: string[][] = PATHS) =>
  readAll(text, new JsonlScanner(paths, 1), 'jsonl', paths.length);

/** What a column shows for a value: texts as they are, anything else as JSON. */
function shown(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const scalar = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const record = fc.record(
  {
    id: scalar,
    value: scalar,
    pump: fc.record({ pressure: scalar, état: scalar, other: fc.jsonValue() }, { requiredKeys: [] }),
    tags: fc.array(scalar),
    unknown: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

test('members are found as JSON.parse finds them, in any order and spacing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(record, fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 6 }),
      async (records) => {
        const lines = records.map(([value, spaced, reversed]) => {
          const object = reversed ? Object.fromEntries(Object.entries(value).reverse()) : value;
          const text = JSON.stringify(object);
          return spaced ? ` ${JSON.stringify(object, null, 1).replaceAll('\n', '\t')} \r` : text;
        });
        const { rows, bad } = await read(`${lines.join('\n')}\n`);
        assert.deepEqual(bad, []);
        assert.deepEqual(
          rows.map((row) => row.map((text) => text?.replaceAll(/\s/g, '') ?? null)),
          records.map(([value]) =>
            [value.id, value.value, value.pump?.pressure, value.pump?.['état'], value.tags].map(
              (each) => shown(each)?.replaceAll(/\s/g, '') ?? null,
            ),
          ),
        );
      },
    ),
    { numRuns: 1000 },
  );
});

test('a line is taken if and only if JSON.parse takes it as an object', async () => {
  const mangled = fc.tuple(
    record,
    fc.nat(),
    fc.constantFrom('', '"', ',', '}', '{', '\\', '0', '[', ']', ':', '\u0001', 'e', '.', '-', 'x'),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(mangled, async ([value, place, insert, drop]) => {
      const text = JSON.stringify(value);
      const at = place % text.length;
      const line = text.slice(0, at) + insert + text.slice(at + (drop ? 1 : 0));
      let valid = false;
      try {
        const parsed: unknown = JSON.parse(line);
        valid = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
      } catch {
        valid = false;
      }
      const { rows, bad } = await read(`${line}\n`);
      assert.equal(rows.length, valid ? 1 : 0, line);
      assert.equal(bad.length, valid || line.trim() === '' ? 0 : 1, line);
    }),
    { numRuns: 3000 },
  );
});

test('bad lines have their number and a reason, blank ones are skipped', async () => {
  const { rows, lines, bad } = await read('{"id":1}\n\n[1]\n{"id":\n{"id":2}', [['id']]);
  assert.deepEqual(rows, [['1'], ['2']]);
  assert.deepEqual(lines, [1, 5]);
  assert.deepEqual(
    bad.map(({ line, raw }) => [line, raw]),
    [
      [3, '[1]'],
      [4, '{"id":'],
    ],
  );
  assert.equal(bad[0]!.reason, 'not a JSON object');
  assert.match(bad[1]!.reason, /^not JSON: /);
});

test('the last of repeated members wins, and names that no column has are remembered', async () => {
  const scanner = new JsonlScanner([['id'], ['a"b']], 1);
  const { rows } = await readAll(
    '{"id":1,"more":2,"id":null,"a\\"b":"x"}\n{"id":2,"id":3,"more":1}\n',
    scanner,
    'jsonl',
    2,
  );
  assert.deepEqual(rows, [
    [null, 'x'],
    ['3', null],
  ]);
  assert.deepEqual(scanner.unknown, ['more']);
});
