// kcat (librdkafka, Debian's package): a client that nobody here wrote.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { after } from 'node:test';
import { connect } from '../../src/clients/connect.ts';
import { testFeatures } from './helpers/bothBrokers.ts';
import { runFeatures } from './helpers/features.ts';

const NO_ADMIN = 'it has no calls of an administrator';
const START_MS = 1_700_000_000_000;

testFeatures(
  'kcat',
  () => ({
    client: 'kcat',
    version: /Version ([\d.]+)/.exec(spawnSync('kcat', ['-V'], { encoding: 'utf8' }).stdout)![1]!,
  }),
  async (t, brokers, prefix) => {
    const kcat = new Kcat(brokers, prefix);
    return runFeatures(t, [
      ['create topic', NO_ADMIN],
      ...['none', 'gzip', 'snappy', 'lz4', 'zstd'].map((name) => [`codec ${name}`, () => codec(kcat, name)] as const),
      ['group eager', () => group(kcat, 'eager', 'range')],
      ['group cooperative', () => group(kcat, 'cooperative', 'cooperative-sticky')],
      ['static member', () => staticMember(kcat)],
      ['offsets by time', () => offsetsByTime(kcat)],
      ['transaction commit and abort', () => transactions(kcat)],
      ['transaction with offsets', 'it reads or writes, not both'],
      ['transaction fenced', () => fenced(kcat)],
      ...['describe group', 'alter group offsets', 'alter configs', 'create partitions'].map(
        (each) => [each, NO_ADMIN] as const,
      ),
      ...['delete records', 'delete group', 'delete topic'].map((each) => [each, NO_ADMIN] as const),
    ]);
  },
);

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

class Kcat {
  readonly prefix: string;
  readonly #brokers: string;

  constructor(brokers: string, prefix: string) {
    this.#brokers = brokers;
    this.prefix = prefix;
  }

  run(args: readonly string[], input = ''): string {
    const options = { input, encoding: 'utf8', timeout: 30_000, maxBuffer: 1 << 26 } as const;
    const { status, stdout, stderr, error } = spawnSync('kcat', ['-b', this.#brokers, ...args], options);
    if (status !== 0) throw new Error(`kcat ${args.join(' ')}: ${error ?? stderr}`);
    return stdout;
  }

  lines(args: readonly string[]): string[] {
    return this.run(args).split('\n').filter(Boolean);
  }

  /** A process that goes on, with what it has said so far. */
  start(args: readonly string[]) {
    const child = spawn('kcat', ['-b', this.#brokers, ...args]);
    running.add(child);
    child.once('close', () => running.delete(child));
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      said.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      said.stderr += chunk;
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
      child.kill(signal);
      // It heeds the signal once it does not wait for input.
      child.stdin.end();
      return ended;
    };
    return { said, stdin: child.stdin, end };
  }

  /** kcat makes no topics, so another client does. */
  async topic(name: string, partitions: number): Promise<string> {
    const topic = `${this.prefix}-${name}`;
    await this.#withClient((client) => client.admin.createTopics([{ name: topic, partitions }]));
    return topic;
  }

  describeGroup(groupId: string) {
    return this.#withClient((client) => client.admin.describeGroup(groupId));
  }

  async #withClient<T>(use: (client: Awaited<ReturnType<typeof connect>>) => Promise<T>): Promise<T> {
    const client = await connect({ brokers: [this.#brokers], client: 'platformatic' });
    return use(client).finally(() => client.close());
  }
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function codec(kcat: Kcat, name: string): Promise<string> {
  const topic = await kcat.topic(`codec-${name}`, 1);
  const lines = Array.from(
    { length: 2000 },
    (_, i) => `${i % 5 === 0 ? '' : `key-${i}`}:${i % 11 === 0 ? '' : `value ${i}`}`,
  );
  // Empty ones are sent as nulls.
  kcat.run(['-P', '-t', topic, '-K', ':', '-Z', '-z', name, '-H', 'h=1'], lines.join('\n'));
  const back = kcat.lines(['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%K %S %h %k:%s\\n']);
  const expected = lines.map((line) => {
    const [key, value] = line.split(':');
    return `${key === '' ? -1 : key!.length} ${value === '' ? -1 : value!.length} h=1 ${line}`;
  });
  assert.deepEqual(back, expected);
  return '2000 records, nulls and headers included';
}

/** A member, with the partitions that it holds by what it says of rebalances. */
function member(kcat: Kcat, topic: string, groupId: string, ...more: string[]) {
  const properties = ['auto.offset.reset=earliest', 'heartbeat.interval.ms=100', 'session.timeout.ms=10000', ...more];
  const self = kcat.start(['-G', groupId, '-u', ...properties.flatMap((each) => ['-X', each]), topic]);
  const rebalances = () =>
    self.said.stderr
      .split('\n')
      .filter((line) => line.includes('rebalanced'))
      .map((line) => ({ isTaken: /revoke/.test(line), count: line.split(`${topic} [`).length - 1 }));
  return {
    values: () => self.said.stdout.split('\n').filter(Boolean),
    held: () => rebalances().reduce((held, { isTaken, count }) => held + (isTaken ? -count : count), 0),
    firstTaken: () => rebalances().find(({ isTaken, count }) => isTaken && count > 0)?.count ?? 0,
    end: self.end,
  };
}

async function group(kcat: Kcat, name: string, strategy: string): Promise<string> {
  const topic = await kcat.topic(name, 4);
  const fill = (from: number) => {
    for (let p = 0; p < 4; p++) {
      const values = Array.from({ length: 25 }, (_, i) => `v${from + 4 * i + p}`);
      kcat.run(['-P', '-t', topic, '-p', String(p)], values.join('\n'));
    }
  };
  const join = () => member(kcat, topic, `${kcat.prefix}-${name}`, `partition.assignment.strategy=${strategy}`);
  fill(0);
  const first = join();
  await until('all with the first', () => first.held() === 4 && first.values().length === 100);
  const second = join();
  await until('two each', () => first.held() === 2 && second.held() === 2);
  fill(100);
  await until('both read on', () => first.values().length + second.values().length >= 200);
  await second.end();
  await until('all with the first again', () => first.held() === 4);
  fill(200);
  await until('it reads on', () => first.values().length + second.values().length >= 300);
  await first.end();
  const all = [...first.values(), ...second.values()];
  assert.deepEqual([all.length, new Set(all).size], [300, 300]);
  return `4, then 2 and 2, then 4 partitions; 300 records once each; the first gave up ${first.firstTaken()}`;
}

async function staticMember(kcat: Kcat): Promise<string> {
  const topic = await kcat.topic('static', 2);
  const groupId = `${kcat.prefix}-static`;
  const told = new Set<string>();
  for (let round = 0; round < 2; round++) {
    const one = member(kcat, topic, groupId, 'group.instance.id=one', 'session.timeout.ms=30000');
    await until('an assignment', () => one.held() === 2);
    await one.end();
    const { members, state } = await kcat.describeGroup(groupId);
    assert.equal(members.length, 1, 'it left');
    told.add(state);
  }
  return `closed and back: one ${[...told].join(', ')}`;
}

async function offsetsByTime(kcat: Kcat): Promise<string> {
  const topic = await kcat.topic('times', 1);
  kcat.run(['-P', '-t', topic], 'a\nb\nc');
  const times = kcat.lines(['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%T\\n']);
  assert.ok(Number(times[0]) > START_MS);
  const at = (time: number) => /offset (-?\d+)/.exec(kcat.run(['-Q', '-t', `${topic}:0:${time}`]))![1];
  return `[${[at(-2), at(-1), at(1000), at(Number(times[2]) + 3_600_000)].join(', ')}]`;
}

/** kcat takes its input in blocks, so a line is sent when the next ones fill one. */
const padded = (word: string) => `${word}${' '.repeat(4000)}\n`.repeat(40);

const transactional = (id: string) => ['-X', `transactional.id=${id}`, '-X', 'transaction.timeout.ms=30000'];

async function transactions(kcat: Kcat): Promise<string> {
  const topic = await kcat.topic('txn', 1);
  const ten = (kind: string) => Array.from({ length: 10 }, (_, i) => `${kind}${i}`).join('\n');
  const sender = ['-P', '-t', topic, ...transactional(`${kcat.prefix}-txn`)];
  const read = (isolation: string) =>
    kcat.lines(['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-X', `isolation.level=${isolation}`]);
  kcat.run(sender, ten('committed'));
  const aborted = kcat.start(sender);
  // The input stays open; it dies of the signal when records are in the log.
  aborted.stdin.write(padded('aborted'));
  await until('the open transaction is written', () => read('read_uncommitted').length > 10);
  await aborted.end('SIGINT');
  kcat.run(sender, ten('committed'));
  const committed = read('read_committed');
  assert.ok(committed.every((value) => value.startsWith('committed')));
  assert.ok(read('read_uncommitted').some((value) => value.startsWith('aborted')));
  return `read_committed ${committed.length} records, read_uncommitted those of the aborted one too`;
}

async function fenced(kcat: Kcat): Promise<string> {
  const topic = await kcat.topic('fenced', 1);
  const sender = ['-P', '-t', topic, ...transactional(`${kcat.prefix}-fenced`)];
  const read = (isolation: string) =>
    kcat.lines(['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-X', `isolation.level=${isolation}`]);
  const old = kcat.start(sender);
  old.stdin.write(padded('old'));
  await until('the old one has written', () => read('read_uncommitted').length > 0);
  kcat.run(sender, 'young');
  old.stdin.end(padded('older'));
  await until('the old one is fenced', () => /fenced|old epoch/i.test(old.said.stderr));
  await old.end('SIGKILL');
  assert.deepEqual(read('read_committed'), ['young']);
  return 'the old producer is fenced, its record aborted';
}
