import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { sampleDates } from '../../src/clients/clockSkew.ts';
import { SkewEstimate, skewText } from '../../src/observe/clockSkew.ts';

test('the true skew is always within the bounds, whatever the ways take', () => {
  const span = fc.double({ min: 0, max: 400, noNaN: true });
  fc.assert(
    fc.property(
      fc.double({ min: -1e5, max: 1e5, noNaN: true }),
      fc.constantFrom(1, 1000),
      fc.array(fc.tuple(span, span, fc.double({ min: 0, max: 5000, noNaN: true })), { minLength: 1, maxLength: 90 }),
      (skewMs, resolutionMs, ways) => {
        const estimate = new SkewEstimate();
        let atMs = 1_700_000_000_000;
        for (const [thereMs, backMs, pauseMs] of ways) {
          const theirsMs = Math.floor((atMs + thereMs + skewMs) / resolutionMs) * resolutionMs;
          const sample = { sentMs: Math.floor(atMs), theirsMs, answeredMs: Math.floor(atMs + thereMs + backMs) };
          estimate.add({ ...sample, resolutionMs });
          atMs += thereMs + backMs + pauseMs;
        }
        const found = estimate.skew!;
        assert.equal(found.samples, Math.min(64, ways.length));
        const off = Math.abs(found.skewMs - skewMs);
        assert.ok(off <= found.errorMs + 1.001, `${found.skewMs} ± ${found.errorMs} for ${skewMs}`);
      },
    ),
  );
});

test('many samples bound it closer than one, and a clock that was set leaves the old ones behind', () => {
  const estimate = new SkewEstimate();
  assert.equal(estimate.skew, null);
  estimate.add({ sentMs: 1000, theirsMs: 1510, answeredMs: 1040 });
  const first = estimate.skew!;
  estimate.add({ sentMs: 2000, theirsMs: 2503, answeredMs: 2004 });
  assert.ok(estimate.skew!.errorMs < first.errorMs / 5, `${estimate.skew!.errorMs} of ${first.errorMs}`);
  estimate.add({ sentMs: 3000, theirsMs: 3003, answeredMs: 3004 });
  assert.deepEqual([estimate.skew!.samples, Math.round(estimate.skew!.skewMs)], [1, 1]);
  // Ours was set back between the question and the answer.
  estimate.add({ sentMs: 4000, theirsMs: 9000, answeredMs: 3000 });
  assert.equal(estimate.skew!.samples, 1);
  assert.equal(skewText({ skewMs: -2.04, errorMs: 0.5 }), '-2 ms ± 0.5 ms');
  assert.equal(skewText({ skewMs: 312.4, errorMs: 12.2 }), '+312 ms ± 12 ms');
});

async function served(handle: (url: string) => Record<string, string>): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    response.sendDate = false;
    response.writeHead(200, handle(request.url ?? '')).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('Date headers of whole seconds, asked at different times of a second, bound the skew to a part of one', async () => {
  let nowMs = 1_700_000_000_000;
  const { server, url } = await served(() => ({ date: new Date(nowMs + 5250).toUTCString() }));
  try {
    const estimate = new SkewEstimate();
    const found = await sampleDates({ urls: [url] }, '/v1/status/ready', (sample) => estimate.add(sample), {
      samples: 10,
      now: () => nowMs,
      pause: async (timeMs) => {
        nowMs += timeMs;
      },
    });
    assert.equal(found, 10);
    const { skewMs, errorMs } = estimate.skew!;
    assert.ok(Math.abs(skewMs - 5250) <= errorMs && errorMs < 120, `${skewMs} ± ${errorMs}`);
  } finally {
    server.close();
  }
});

test('a service that sends no Date tells nothing', async () => {
  const { server, url } = await served(() => ({}));
  try {
    const options = { samples: 2, now: Date.now, pause: async () => {} };
    assert.equal(await sampleDates({ urls: [url] }, '/', () => assert.fail('no date'), options), 0);
    assert.equal(await sampleDates({ urls: ['http://127.0.0.1:1'] }, '/', () => assert.fail('no date'), options), 0);
  } finally {
    server.close();
  }
});
