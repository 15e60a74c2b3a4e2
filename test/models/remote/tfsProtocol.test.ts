// The client of TensorFlow Serving's REST API, on a server that holds its documented rules.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distance, localServer } from './localServer.ts';
import { close, failure, opened, SCORE, someWindows } from './opening.ts';
import { type TfsModel, tfsAnswer } from './tfsServer.ts';

const MODEL: TfsModel = { name: 'pump', steps: 4, channels: 1 };

test('windows go as instances where the batch comes first', async (t) => {
  const server = await localServer(t, (received) => tfsAnswer(MODEL, received));
  const scorer = await opened(t, `tfs+http://${server.host}/pump`);
  assert.deepEqual(scorer.identity, { name: 'pump' });
  const { windows, rows, lists } = someWindows(5, 4);
  const { scores, fallback } = await scorer.score({ rows, windows });
  assert.equal(fallback, undefined);
  close(scores, lists.map(distance));
  const { path, body } = server.requests.at(-1)!;
  assert.equal(path, '/v1/models/pump:predict');
  assert.deepEqual(JSON.parse(body), { instances: lists.map((list) => list.map((value) => [value])) });
});

test('windows go as columns where time comes first', async (t) => {
  const server = await localServer(t, (received) => tfsAnswer({ ...MODEL, isTimeFirst: true }, received));
  const scorer = await opened(t, `tfs+http://${server.host}/pump`);
  const { windows, rows, lists } = someWindows(5, 4);
  close((await scorer.score({ rows, windows })).scores, lists.map(distance));
  assert.deepEqual(Object.keys(JSON.parse(server.requests.at(-1)!.body)), ['inputs']);
});

test('of several outputs one is taken by its name, or the first of floats', async (t) => {
  for (const isTimeFirst of [false, true]) {
    const model = { ...MODEL, isTimeFirst, hasSecondOutput: true };
    const server = await localServer(t, (received) => tfsAnswer(model, received));
    const { windows, rows, lists } = someWindows(5, 4);
    for (const [output, expected] of [
      [undefined, lists.map(distance)],
      ['label', [0, 1, 2, 3, 4]],
    ] as const) {
      const spec = { ...SCORE, ...(output !== undefined && { output }) };
      const scorer = await opened(t, `tfs+http://${server.host}/pump`, { spec });
      // A number of the row within its batch is no score: rows are sent one by one, and each is the first.
      const wanted = output === 'label' ? expected.map(() => 0) : expected;
      assert.equal(scorer.rowsPerRequest, output === 'label' ? 1 : Number.POSITIVE_INFINITY);
      close((await scorer.score({ rows, windows })).scores, wanted);
    }
  }
});

test('versions, labels and signatures are of the address', async (t) => {
  const server = await localServer(t, (received) => tfsAnswer(MODEL, received));
  const { windows, rows, lists } = someWindows(2, 4);
  for (const [address, path, version] of [
    ['pump/versions/3', '/v1/models/pump/versions/3:predict', '3'],
    ['pump/labels/stable?signature=second', '/v1/models/pump/labels/stable:predict', 'stable'],
    ['v1/models/pump', '/v1/models/pump:predict', undefined],
  ] as const) {
    const scorer = await opened(t, `tfs+http://${server.host}/${address}`);
    close((await scorer.score({ rows, windows })).scores, lists.map(distance));
    assert.equal(server.requests.at(-1)!.path, path);
    assert.equal(scorer.identity.version, version);
    const { signature_name: signature } = JSON.parse(server.requests.at(-1)!.body);
    assert.equal(signature, address.includes('second') ? 'second' : undefined);
  }
  const open = (address: string, options = {}) => opened(t, `tfs+http://${server.host}/${address}`, options);
  await failure(
    open('pump/versions/4'),
    'ANM_MODEL_UNKNOWN',
    /404 Not Found: Servable not found for request: Specific\(pump, 4\)/,
  );
  await failure(
    open('pump?signature=none'),
    'ANM_MODEL_SPEC',
    /has the signatures serving_default, second, and none is asked for/,
  );
  await failure(
    open('pump', { spec: { ...SCORE, length: 7 } }),
    'ANM_MODEL_SPEC',
    /v1\/models\/pump reads x as float32 \[\?, 4, 1\], but a window has 8 steps of 1 channel/,
  );
});

test('the words for numbers that are not finite are no scores; another shape of answer is named', async (t) => {
  let predictions = '';
  const server = await localServer(t, (received) => {
    const answer = tfsAnswer(MODEL, received);
    return predictions === '' || received.method === 'GET' ? answer : { body: predictions };
  });
  const scorer = await opened(t, `tfs+http://${server.host}/pump`);
  const { windows, rows } = someWindows(4, 4);
  const score = async (body: string) => {
    predictions = body;
    const { scores, fallback } = await scorer.score({ rows, windows });
    return [...[...scores].map((value) => (Number.isFinite(value) ? value : null)), fallback];
  };
  const body = '{"predictions": [[1.5], [NaN], [-Infinity], [2]]}';
  assert.deepEqual(await score(body), [1.5, null, null, 2, 'invalid-output']);
  const nothing = [null, null, null, null, 'invalid-output'];
  assert.deepEqual(await score('{"predictions": [[1], [2], [3]]}'), nothing);
  assert.match(
    scorer.counters().lastError!,
    /gives score as float64 \[3\], but a score is one number a row, for 4 rows/,
  );
  assert.deepEqual(await score('{"outputs": [[1], [2], [3], [4]]}'), nothing);
  assert.match(scorer.counters().lastError!, /answers no predictions/);
  assert.deepEqual(await score('{"predictions": ["a", "b", "c", "d"]}'), nothing);
  assert.match(scorer.counters().lastError!, /answers predictions without numbers for score/);
});
