import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ExpressionColumns } from '../../../src/engine/expressions/columns.ts';
import { compileCondition, compileNumber } from '../../../src/engine/expressions/compile.ts';
import { globMatcher } from '../../../src/engine/expressions/glob.ts';
import { parseExpression } from '../../../src/engine/expressions/parser.ts';
import { printExpression } from '../../../src/engine/expressions/print.ts';
import { MAX_DEPTH, MAX_LENGTH } from '../../../src/engine/expressions/syntax.ts';
import { isAnomalyError } from '../../../src/errors.ts';
import { condition, evaluate, FIELD_NAMES, type Row, rows, SERIES_NAMES, value } from './reference.ts';

function columnsOf(from: readonly Row[], fields: readonly string[] = FIELD_NAMES): ExpressionColumns {
  return {
    fields: fields.map((name) => Float64Array.from(from, (row) => row.fields[name] ?? Number.NaN)),
    series: Int32Array.from(from, (row) => SERIES_NAMES.indexOf(row.series)),
    names: { size: SERIES_NAMES.length, text: (id) => SERIES_NAMES[id]! },
  };
}

/** A single record with the fields a, b and n (null), of the series pump-1. */
function numberOf(text: string): number | null {
  const columns = columnsOf([{ series: 'pump-1', fields: { a: 7, b: -2, n: null } }], ['a', 'b', 'n']);
  const result = compileNumber(text, ['a', 'b', 'n'])(columns, 0, 1)[0]!;
  return Number.isNaN(result) ? null : result;
}

function problemOf(text: string, fields: readonly string[] = ['a', 'b']): string {
  try {
    compileCondition(text, fields);
  } catch (error) {
    assert.ok(isAnomalyError(error) && error.code === 'ANM_CONFIG', String(error));
    return error.message.replace('cannot read the expression as ', '');
  }
  return assert.fail(`${text} was compiled`);
}

test('random trees, printed and parsed again, evaluate as the reference on plain objects does', () => {
  fc.assert(
    fc.property(value, rows, fc.nat(20), (tree, records, cut) => {
      const column = compileNumber(printExpression(tree), FIELD_NAMES);
      const columns = columnsOf(records);
      const middle = Math.min(cut, records.length);
      // In two pieces, as batches are cut.
      const seen = [
        ...column(columns, 0, middle).slice(0, middle),
        ...column(columns, middle, records.length).slice(middle, records.length),
      ];
      records.forEach((row, i) => {
        const expected = evaluate(tree, row) as number | null;
        assert.ok(
          Object.is(seen[i], expected ?? Number.NaN),
          `${printExpression(tree)} is ${expected}, not ${seen[i]}`,
        );
      });
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(condition, rows, (tree, records) => {
      const mask = compileCondition(printExpression(tree), FIELD_NAMES)(columnsOf(records), 0, records.length);
      records.forEach((row, i) => {
        const expected = evaluate(tree, row);
        assert.equal([false, true, null][mask[i]!], expected, printExpression(tree));
      });
    }),
    { numRuns: 1000 },
  );
});

test('printing is the same for what was printed and parsed', () => {
  fc.assert(
    fc.property(fc.oneof(value, condition), (tree) => {
      const text = printExpression(tree);
      assert.equal(printExpression(parseExpression(text)), text);
    }),
  );
});

test('any text is an expression or an ANM_CONFIG error with a caret inside of it', () => {
  const word = fc.constantFrom(
    ...[
      'a',
      'b',
      'series',
      'and',
      'or',
      'not',
      'in',
      'is',
      'null',
      'if',
      'min',
      '(',
      ')',
      ',',
      '+',
      '-',
      '*',
      '%',
      '~',
    ],
    ...[
      '==',
      '<',
      '>=',
      '!',
      '=',
      '&&',
      "'x'",
      '"',
      '`',
      '1',
      '1e9',
      '.5',
      '1e999',
      '\n',
      '🙂',
      '\0',
      '__proto__',
      'constructor',
    ],
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(word, { maxLength: 30 }).map((words) => words.join(' ')),
    fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
  );
  let good = 0;
  fc.assert(
    fc.property(text, (source) => {
      for (const compile of [compileNumber, compileCondition]) {
        try {
          compile(source, ['a', 'b']);
          good++;
        } catch (error) {
          assert.ok(isAnomalyError(error) && error.code === 'ANM_CONFIG', String(error));
          const lines = error.message.split('\n');
          assert.equal(lines.length, 3, error.message);
          assert.match(lines[2]!, /^ {4,}\^$/);
        }
      }
    }),
    { numRuns: 5000 },
  );
  assert.ok(good > 10, `${good} were expressions`);
});

test('operators bind as in other languages', () => {
  assert.equal(numberOf('1 + 2 * 3 - 4 / 2'), 5);
  assert.equal(numberOf('2 - 3 - 4'), -5);
  assert.equal(numberOf('-a % 4'), -3);
  assert.equal(numberOf('--a'), 7);
  assert.equal(numberOf('(1 + 2) * 3'), 9);
  assert.equal(numberOf('a > 1 or n > 1 and b > 1'), 1);
  assert.equal(numberOf('not a > 100 and b < 0'), 1);
  assert.equal(numberOf('not (a > 100 and b < 0)'), 1);
  assert.equal(numberOf('1e3 + .5 + 2.'), 1002.5);
});

test('functions, lists, series and nulls', () => {
  assert.equal(numberOf('max(a, b, 3) + min(a, b)'), 5);
  assert.equal(numberOf('max(a, n)'), null);
  assert.equal(numberOf('coalesce(n, b, a)'), -2);
  assert.equal(numberOf('sqrt(b)'), null);
  assert.equal(numberOf('0 / 0'), null);
  assert.equal(numberOf('1 / 0'), Infinity);
  assert.equal(numberOf('if(n > 0, 1, 2)'), 2);
  assert.equal(numberOf('round(2.5) + floor(-0.5) + ceil(0.5)'), 3);
  assert.equal(numberOf('log(exp(1))'), 1);
  assert.equal(numberOf('n > 1'), null);
  assert.equal(numberOf('n > 1 or a > 1'), 1);
  assert.equal(numberOf('n > 1 and a > 100'), 0);
  assert.equal(numberOf('n != null or a == null'), 0);
  assert.equal(numberOf('null == n'), 1);
  assert.equal(numberOf('n is not null'), 0);
  assert.equal(numberOf('a in (1, -2, 7)'), 1);
  assert.equal(numberOf('b not in (1, -2, 7)'), 0);
  assert.equal(numberOf('n in (1)'), null);
  assert.equal(numberOf("series ~ 'pump-*' and series != \"fan\" and series in ('x', 'pump-1')"), 1);
  assert.equal(numberOf("series ~ 'ump-*'"), 0);
});

test('an error shows the place and says what was expected', () => {
  assert.equal(
    problemOf('a > 1 an b > 2'),
    'here is an where an operator or the end is expected\n    a > 1 an b > 2\n          ^',
  );
  assert.equal(problemOf('a >'), 'it ends here where a value is expected\n    a >\n       ^');
  assert.equal(problemOf(''), 'it ends here where a value is expected\n    \n    ^');
  assert.match(problemOf('a = 1'), /^= is no operator here: write ==\n.*\n {6}\^$/);
  assert.match(problemOf('a > 1 && b > 1'), /write and/);
  assert.match(problemOf('valeu > 1'), /there is no field valeu: there is a, b, series\n {4}valeu > 1\n {4}\^/);
  assert.match(problemOf('a'), /it is a number, and a condition such as value > 0 is expected/);
  assert.match(problemOf('1 < a < 3'), /comparisons do not chain/);
  assert.match(problemOf('`x\ny` > 1'), /there is no field "x\\ny": /);
  assert.match(problemOf("a == 'x'"), /== stands between a number and a text/);
  assert.match(problemOf("series > 'x'"), /texts do not compare by >/);
  assert.match(problemOf("a ~ 'x'"), /~ wants series on its left/);
  assert.match(problemOf('series ~ pump'), /a pattern in quotes/);
  assert.match(problemOf("a in (1, 'x')"), /the list has numbers and texts/);
  assert.match(problemOf('(a > 1) + 1 > 2'), /this is a condition where a number is expected: if\(condition, 1, 0\)/);
  assert.match(problemOf('pow(a, 2) > 1'), /there is no function pow: the functions are abs, ceil, /);
  assert.match(problemOf('toString(a) > 1'), /there is no function toString/);
  assert.match(problemOf('abs(a, b) > 1'), /abs takes 1 values, and 2 are given/);
  assert.match(problemOf("series == 'x"), /the ' here has no other one behind it/);
  assert.match(problemOf('a in (1, 1e999)'), /1e999 is beyond the numbers of 64 bits/);
  assert.match(problemOf('series is null'), /a text is never null/);
  const far = problemOf(`${'a + '.repeat(100)}? > 1`).split('\n');
  assert.ok(far[1]!.length < 90 && far[1]![far[2]!.indexOf('^')] === '?', far.join('\n'));
});

test('length and depth are bounded, and what is within the bounds is compiled', () => {
  assert.match(problemOf(`a > ${' '.repeat(MAX_LENGTH)}1`), /characters, more than 4096/);
  assert.match(problemOf(`${'('.repeat(MAX_DEPTH + 1)}a`), /more than 100 operators are inside one another/);
  assert.match(problemOf(`${'not '.repeat(MAX_DEPTH + 1)}a > 1`), /more than 100/);
  assert.match(problemOf(`a${' + a'.repeat(MAX_DEPTH)} > 1`), /more than 100/);
  assert.equal(numberOf(`${'('.repeat(MAX_DEPTH)}a${')'.repeat(MAX_DEPTH)}`), 7);
  assert.equal(numberOf(`a${' + a'.repeat(MAX_DEPTH - 1)}`), 7 * MAX_DEPTH);
  assert.equal(numberOf(Array.from({ length: 500 }, () => 'a>8').join(' or ')), 0);
});

test('verdicts about series are asked once, and anew for other names', () => {
  const asked: string[] = [];
  const names = (texts: readonly string[]) => ({
    size: texts.length,
    text: (id: number) => {
      asked.push(texts[id]!);
      return texts[id]!;
    },
  });
  const mask = compileCondition("series ~ 'p*'", []);
  const ids = Int32Array.of(0, 1, -1, 0);
  const first = names(['pump', 'fan']);
  assert.deepEqual([...mask({ fields: [], series: ids, names: first }, 0, 4).subarray(0, 4)], [1, 0, 2, 1]);
  mask({ fields: [], series: ids, names: first }, 0, 4);
  assert.deepEqual(asked, ['pump', 'fan']);
  const second = names(['fan', 'pump']);
  assert.deepEqual([...mask({ fields: [], series: ids, names: second }, 0, 4).subarray(0, 4)], [0, 1, 2, 0]);
});

test('globs match the whole text, and a hostile one takes no time', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ab*?]{0,8}$/), fc.stringMatching(/^[ab*?]{0,10}$/), (pattern, text) => {
      const expected = new RegExp(`^${pattern.replaceAll('?', '.').replaceAll('*', '.*')}$`).test(text);
      assert.equal(globMatcher(pattern)(text), expected, `${pattern} on ${text}`);
    }),
    { numRuns: 2000 },
  );
  assert.equal(globMatcher(`${'*a'.repeat(50)}b`)('a'.repeat(2000)), false);
});
