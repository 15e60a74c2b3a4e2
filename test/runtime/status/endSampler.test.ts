import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndSampler } from '../../../src/runtime/status/endSampler.ts';

const PLACE = { topic: 't', partition: 1 };

test('ends are asked for when somebody looks, one question at a time, and kept while none is answered', async () => {
  let time = 0;
  let end = 7;
  let asked = 0;
  const listOffsets = async () => {
    asked++;
    if (end < 0) throw new Error('the broker is gone');
    return [{ ...PLACE, offset: end }];
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const sampler = new EndSampler({ listOffsets }, () => time);
  assert.equal(sampler.endOf(PLACE), -1);
  sampler.look([]);
  assert.equal(asked, 0, 'nothing to ask for');
  sampler.look([PLACE]);
  sampler.look([PLACE]);
  assert.equal(asked, 1, 'a question is under way');
  await settled();
  assert.equal(sampler.endOf(PLACE), 7);
  time = 1999;
  sampler.look([PLACE]);
  assert.equal(asked, 1, 'too soon');
  time = 2000;
  end = -1;
  sampler.look([PLACE]);
  await settled();
  assert.equal(sampler.endOf(PLACE), 7, 'a failure changes nothing');
  time = 4000;
  end = 9;
  sampler.look([PLACE]);
  await settled();
  assert.equal(sampler.endOf(PLACE), 9);
});
