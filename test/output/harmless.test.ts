import assert from 'node:assert/strict';
import { test } from 'node:test';
import { styled } from '../../src/output/color.ts';
import { renderTable } from '../../src/output/table.ts';

const columns = [{ header: 'group', value: (row: string) => row }];

test('a name in a table can send nothing to the terminal; styles of the tool stay', () => {
  const evil = 'evil\u001b]0;owned\u0007\u001b[2J\u202e\nx';
  const plain = renderTable([evil], columns, { wide: false, color: false });
  assert.equal(plain, 'GROUP\nevil␛]0;owned␇␛[2J\ufffd␊x');
  const colored = renderTable([styled(true, 'red', 'bad')], columns, { wide: false, color: true });
  assert.equal(colored.split('\n')[1], styled(true, 'red', 'bad'));
  const off = renderTable(['\u001b[31mred'], columns, { wide: false, color: false });
  assert.equal(off.split('\n')[1], '␛[31mred');
});
