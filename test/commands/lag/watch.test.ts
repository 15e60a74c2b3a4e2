import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { type Broker, startBroker } from '../../../src/broker/broker.ts';
import { commit, lagWorld } from '../../helpers/lagWorld.ts';
import { portToComeBackTo } from '../../helpers/ports.ts';
import type { World } from '../../helpers/world.ts';

test('lag --watch looks again until the signal, says the interval, and the trend', async (t) => {
  const { run } = await lagWorld(t);
  const signals = new EventEmitter();
  const { code, stdout } = await run(['lag', 'pumps', '--watch', '1ms', '-o', 'json'], {
    signals,
    onOutput: (text) => {
      if (text.split('\n').length === 4) signals.emit('SIGINT');
    },
  });
  assert.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.ok(lines.length >= 3, `${lines.length} looks`);
  for (const line of lines) assert.deepEqual([line.groups[0].lag, line.interval_ms], [11, 1]);
  const text = await watched(
    run,
    ['lag', 'pumps', '--watch', '10ms', '--ascii'],
    (out) => out.split('every').length > 3,
  );
  assert.match(text.stdout, /^\d{4}-.*Z {2}every 10 ms, the look took /m);
  assert.match(text.stdout, /TREND/);
  assert.match(text.stdout, /@@/);
});

/** Runs until the output is as wanted, then sends the signal. */
async function watched(run: World['run'], argv: readonly string[], isEnough: (text: string) => boolean) {
  const signals = new EventEmitter();
  let isOver = false;
  return await run(argv, {
    signals,
    onOutput: (text) => {
      if (isOver || !isEnough(text)) return;
      isOver = true;
      signals.emit('SIGINT');
    },
  });
}

test('lag --watch: a group that comes, a topic that is deleted, and a group that goes', async (t) => {
  const { run, client, broker } = await lagWorld(t);
  const signals = new EventEmitter();
  const states: string[] = [];
  let step = 0;
  const { code, stderr } = await run(['lag', 'later', '--watch', '5ms', '-o', 'json'], {
    signals,
    onOutput: (text) => {
      const { groups, partitions } = JSON.parse(text.trimEnd().split('\n').at(-1)!);
      const [group] = groups;
      const reason = partitions[0]?.reason ?? '';
      if (step === 0 && group.state === 'none yet') {
        step = 1;
        states.push(`${group.state} ${group.verdict}`);
        void commit(client, 'later', 'readings', [3]);
      } else if (step === 1 && group.lag === 12) {
        step = 2;
        states.push(group.state);
        void client.admin.deleteTopics(['readings']);
      } else if (step === 2 && (partitions.length === 0 || /does not exist/.test(reason))) {
        step = 3;
        states.push('topic deleted');
        broker.context.groups.delete('later');
      } else if (step === 3 && group.state === 'gone') {
        step = 4;
        states.push(`${group.state} ${group.verdict}`);
        signals.emit('SIGINT');
      }
    },
  });
  assert.equal(code, 0);
  assert.deepEqual(states, ['none yet NOTFOUND', 'Empty', 'topic deleted', 'gone NOTFOUND']);
  assert.match(stderr, /group later is gone/);
});

test('lag --watch goes on when the broker goes away and comes back, and says so', async (t) => {
  const port = await portToComeBackTo();
  const { client, broker, run } = await lagWorld(t, port);
  const signals = new EventEmitter();
  let next: Broker | undefined;
  t.after(() => next?.close());
  let gone: Promise<void> | undefined;
  let isComing = false;
  let isBack = false;
  let lines = 0;
  const { code, stderr, stdout } = await run(
    ['lag', 'pumps', '--watch', '10ms', '-o', 'json', '-X', 'retry_timeout=2s', '-X', 'dial_timeout=2s'],
    {
      signals,
      onOutput: (text) => {
        lines = text.trimEnd().split('\n').length;
        gone ??= client.close().then(() => broker.close());
        if (isBack && text.includes('"state":"gone"')) signals.emit('SIGINT');
      },
      onError: (text) => {
        if (text.includes('the cluster is back')) isBack = true;
        else if (!isComing && text.includes('trying again')) {
          isComing = true;
          void gone!.then(async () => {
            next = await startBroker({ port, autoCreate: false });
          });
        }
      },
    },
  );
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /no answer from the cluster since \S+ \(127\.0\.0\.1:\d+: .+\): trying again\n[\s\S]*the cluster is back, away for \d+ s\n/,
  );
  assert.ok(lines > 1, stdout);
  assert.match(stdout, /"state":"gone"/, 'the looks went on');
});
