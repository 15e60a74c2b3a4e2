// Any HTTP endpoint: what is sent by a template, what is read by a path.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestTemplate } from '../../../src/models/remote/requestTemplate.ts';
import { ResponsePath } from '../../../src/models/remote/responsePath.ts';
import { distance, localServer } from './localServer.ts';
import { close, failure, opened, SCORE, someWindows } from './opening.ts';

const ROWS = { request: '{"model": "a", "inputs": "$windows", "cost": "$$5"}', response: 'predictions[*].score' };

test('all windows of a micro-batch are one request, of one list each', async (t) => {
  const server = await localServer(t, ({ body }) => {
    const { inputs } = JSON.parse(body) as { inputs: number[][] };
    return { body: { predictions: inputs.map((window) => ({ score: distance(window) })) } };
  });
  const scorer = await opened(t, `http://${server.host}/predict?key=se%20cret`, ROWS);
  assert.deepEqual(scorer.identity, { name: `${server.host}/predict` });
  assert.equal(scorer.address, `http://${server.host}/predict?...`);
  const before = server.requests.length;
  const { windows, rows, lists } = someWindows(5, 4);
  close((await scorer.score({ rows, windows })).scores, lists.map(distance));
  assert.equal(server.requests.length, before + 1);
  const { path, headers, body } = server.requests.at(-1)!;
  assert.equal(path, '/predict?key=se%20cret');
  assert.equal(headers['content-type'], 'application/json');
  assert.deepEqual(JSON.parse(body), { model: 'a', inputs: lists, cost: '$5' });
});

test('with several fields a window is a list of records, and with single records a list of fields', async (t) => {
  const server = await localServer(t, ({ body }) => {
    const { x } = JSON.parse(body) as { x: number[][] | number[][][] };
    return { body: x.map((window) => window.flat().reduce((sum, value) => sum + value, 0)) };
  });
  const template = { request: '{"x": "$windows"}', response: '' };
  const two = await opened(t, `http://${server.host}/`, {
    ...template,
    spec: { kind: 'score', length: 1, channels: ['a', 'b'], direction: 'low' },
  });
  const windows = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  close((await two.score({ rows: 2, windows })).scores, [-10, -26]);
  assert.deepEqual(JSON.parse(server.requests.at(-1)!.body), {
    x: [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ],
  });
  const single = await opened(t, `http://${server.host}/`, {
    ...template,
    spec: { kind: 'score', length: 0, channels: ['a', 'b'] },
  });
  close((await single.score({ rows: 4, windows })).scores, [3, 7, 11, 15]);
});

test('with $window each is a request of its own; one that fails leaves the others their scores', async (t) => {
  const server = await localServer(t, ({ body }) => {
    const { window } = JSON.parse(body) as { window: number[] };
    return window[0] === 9 ? { status: 422, body: { detail: 'out of range' } } : { body: { score: distance(window) } };
  });
  const scorer = await opened(t, `http://${server.host}/score`, {
    request: '{"window": "$window"}',
    response: 'score',
  });
  const before = server.requests.length;
  const { windows, rows, lists } = someWindows(30, 4);
  windows[4 * 7] = 9;
  const { scores, fallback } = await scorer.score({ rows, windows });
  assert.equal(server.requests.length, before + 30);
  assert.equal(fallback, 'invalid-output');
  for (const [row, list] of lists.entries()) {
    if (row === 7) assert.ok(Number.isNaN(scores[row]));
    else assert.ok(Math.abs(scores[row]! - distance(list)) < 1e-5);
  }
  const alone = await scorer.score({ rows: 1, windows: windows.subarray(28, 32) });
  assert.equal(alone.fallback, 'error');
  assert.match(scorer.counters().lastError!, /cannot POST http:.*\/score as it answers 422 .*: out of range$/);
});

test('forecasts, reconstructions and classes are read from their rows', async (t) => {
  const server = await localServer(t, ({ body }) => {
    const windows = JSON.parse(body) as number[][];
    const answer = windows.map((window) => ({
      ...{ next: window[0], again: window.map((value) => value + 2), classes: { p: [0.25, 0.75] } },
    }));
    return { body: { data: answer } };
  });
  const open = (response: string, spec: object) =>
    opened(t, `http://${server.host}`, { request: '"$windows"', response, spec: { ...SCORE, ...spec } });
  const windows = Float32Array.of(1, 2, 3, 5, 7, 8, 9, 10);
  const score = async (response: string, spec: object) =>
    (await (await open(response, spec)).score({ rows: 2, windows })).scores;
  close(await score('data[*].next', { kind: 'forecast' }), [4, 3]);
  close(await score('data[*].again', { kind: 'reconstruction' }), [4, 4]);
  close(await score('data[*].classes["p"]', { kind: 'class', classIndex: 0 }), [0.25, 0.25]);
  close(await score('$.data[*]["classes"].p[1]', { kind: 'class' }), [0.75, 0.75]);
  await failure(open('data[*].scores', {}), 'ANM_MODEL_OUTPUT', /answers no numbers at data\[\*\]\.scores: \{"data":/);
  await failure(
    open('data[*].again', {}),
    'ANM_MODEL_SPEC',
    /gives response as float64 \[4\], but a score is one number a row/,
  );
});

test('an endpoint that takes one row at a time, or mixes rows, is asked row by row', async (t) => {
  const picky = await localServer(t, ({ body }) => {
    const { inputs } = JSON.parse(body) as { inputs: number[][] };
    if (inputs.length > 1) return { status: 413, body: { error: 'one at a time' } };
    return { body: { predictions: inputs.map((window) => ({ score: distance(window) })) } };
  });
  const mixing = await localServer(t, ({ body }) => {
    const { inputs } = JSON.parse(body) as { inputs: number[][] };
    const level = distance(inputs[0]!);
    return { body: { predictions: inputs.map((window) => ({ score: distance(window) + level })) } };
  });
  for (const [server, why, factor] of [
    [picky, /413 .*one at a time/, 1],
    [mixing, /rows of one request change the scores of each other/, 2],
  ] as const) {
    const scorer = await opened(t, `http://${server.host}/`, ROWS);
    assert.match(scorer.whyOneByOne!, why);
    const { windows, rows, lists } = someWindows(20, 4);
    close(
      (await scorer.score({ rows, windows })).scores,
      lists.map((list) => factor * distance(list)),
    );
  }
});

test('a request and a response have to be given, and to be understood', async (t) => {
  const server = await localServer(t, () => ({ body: {} }));
  const uri = `http://ann:secret@${server.host}/p`;
  const { hint } = await failure(
    opened(t, uri),
    'ANM_CONFIG',
    /cannot use http:\/\/127[^@]*\/p as a model as score.model.request is not set/,
  );
  assert.match(hint, /"\$windows"/);
  await failure(opened(t, uri, { request: '"$windows"' }), 'ANM_CONFIG', /score.model.response is not set/);
  assert.equal(server.requests.length, 0);
  const keyed = opened(t, `http://ann:se@cret@${server.host}/p?key=mine`, { ...ROWS, spec: {} });
  const { message } = await failure(keyed, 'ANM_MODEL_SPEC', /neither http:\/\/127[^@]*\/p\?\.\.\. nor/);
  assert.doesNotMatch(message, /ann:|cret|mine/);
  const wrong = (text: string, message: RegExp) =>
    assert.throws(() => new RequestTemplate(text), { code: 'ANM_CONFIG', message });
  wrong('{"a": $windows}', /is no JSON/);
  wrong('{"a": 1}', /has no variable/);
  wrong('{"a": "$windows", "b": "$window"}', /has both/);
  wrong('{"a": "$window", "b": "$series"}', /has "\$series", and the variables are \$windows and \$window/);
  for (const path of ['a..b', 'a[', 'a[-1]', 'a b', '.']) {
    assert.throws(() => new ResponsePath(path), { code: 'ANM_CONFIG', message: /as a path as it ends at/ }, path);
  }
});

test('paths and templates keep what is in texts, and find what is there', () => {
  assert.equal(
    new RequestTemplate('{"a\\"$windows": [{"b": "$window"}, "x$window", null, true, 1.5]}').fill('[1]'),
    '{"a\\"$windows":[{"b":[1]},"x$window",null,true,1.5]}',
  );
  assert.equal(new RequestTemplate('["$windows", "\\u0000", "$windows"]').fill('1'), '[1,"\\u0000",1]');
  const answer = { a: [{ b: [1, null] }, { b: [true, 'NaN'] }], 'c d': { 0: 4 }, 'e-f': 5 };
  const at = (path: string) => new ResponsePath(path).numbers(answer);
  assert.deepEqual(at('a[*].b'), [1, Number.NaN, 1, Number.NaN]);
  assert.deepEqual(at('a[1].b[0]'), [1]);
  assert.deepEqual(at('["c d"]["0"]'), [4]);
  assert.deepEqual(at('e-f'), [5]);
  for (const path of ['a[2]', 'a.b', 'c', 'a[*].b.length', '["c d"]', '["__proto__"]', 'e-f[*]']) {
    assert.equal(at(path), undefined, path);
  }
});
