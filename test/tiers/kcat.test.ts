// kcat (librdkafka, Debian's package) against `anomaly dev`: a client that nobody here wrote. Run by .ci/run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { startDev } from '../../bench/processes.ts';

let dev: Awaited<ReturnType<typeof startDev>>;
before(async () => {
  dev = await startDev();
});
after(() => dev.stop());

function kcat(args: readonly string[], input = ''): string {
  const { status, stdout, stderr, error } = spawnSync('kcat', ['-b', dev.brokers, ...args], {
    input,
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(status, 0, `kcat ${args.join(' ')}: ${error ?? stderr}`);
  return stdout;
}

const LINES = Array.from({ length: 10_000 }, (_, i) => `key-${i % 100}:value ${i}`);

test('kcat lists the broker', () => {
  assert.match(kcat(['-L']), /1 brokers:\n\s+broker 0 at 127\.0\.0\.1/);
});

for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  test(`kcat gets back what it produced with ${codec}, in order`, () => {
    kcat(['-P', '-t', `codec-${codec}`, '-K', ':', '-z', codec], LINES.join('\n'));
    const back = kcat(['-C', '-t', `codec-${codec}`, '-o', 'beginning', '-e', '-q', '-K', ':']);
    assert.deepEqual(back.trimEnd().split('\n'), LINES);
  });
}

test('kcat consumes in a group, and goes on from its commit', () => {
  kcat(['-P', '-t', 'grouped'], LINES.join('\n'));
  const first = kcat(['-G', 'kcat-group', 'grouped', '-X', 'auto.offset.reset=earliest', '-c', '4000', '-q']);
  assert.equal(first.trimEnd().split('\n').length, 4000);
  const second = kcat(['-G', 'kcat-group', 'grouped', '-X', 'auto.offset.reset=earliest', '-e', '-q']);
  assert.deepEqual([...first.trimEnd().split('\n'), ...second.trimEnd().split('\n')], LINES);
});
