import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { KeyDictionary } from '../../src/engine/keys.ts';
import { SnapshotWriter } from '../../src/engine/state.ts';
import type { Snapshot } from '../../src/stores/checkpointStore.ts';
import { ObjectCheckpointStore } from '../../src/stores/checkpoints/objectCheckpointStore.ts';
import { openStore } from '../../src/stores/openStore.ts';
import { runCli } from '../helpers/cli.ts';
import { ACCESS_KEY, BUCKET, type FakeS3, SECRET_KEY, startFakeS3 } from '../stores/helpers/fakeS3.ts';

const NOW = Date.parse('2026-11-26T12:00:00Z');
const none = () => {
  throw new Error('a directory needs nothing');
};

/** Keys of so many series, as a pipeline writes them. */
function keys(series: number): Uint8Array {
  const dictionary = new KeyDictionary();
  for (let i = 0; i < series; i++) {
    const bytes = new TextEncoder().encode(`pump-${i}`);
    dictionary.intern(bytes, 0, bytes.length);
  }
  const state = new SnapshotWriter();
  dictionary.snapshot(state);
  return state.encode();
}

/** What tests look at in rows of any of the documents. */
interface Row {
  readonly id: string;
  readonly checkpoint: string;
  readonly savepoint: string | null;
  readonly partitions: readonly { readonly offset: number }[];
  readonly manifest: Snapshot & {
    readonly operators: readonly { readonly parts: readonly { readonly base?: string }[] }[];
  };
  readonly ok: boolean;
  readonly reason: string;
  readonly bytes: unknown;
  readonly definition: unknown;
}

interface Given {
  readonly partition: number;
  readonly offset: number;
  readonly ageMs: number;
  readonly checkpoint: string;
  readonly savepoint?: string;
  readonly sizeMs?: number;
  readonly series?: number;
  readonly windowBytes?: number;
}

function snapshot({
  partition,
  offset,
  ageMs,
  checkpoint,
  savepoint,
  sizeMs = 300_000,
  series = 3,
  windowBytes = 5000,
}: Given): Snapshot {
  return {
    pipeline: 'pump-room',
    group: 'pump-room',
    cluster: 'c1',
    topic: 'raw-sensors',
    partition,
    offset,
    watermark: NOW - ageMs - 5000,
    checkpoint,
    ...(savepoint !== undefined && { savepoint }),
    createdMs: NOW - ageMs,
    toolVersion: '0.1.0',
    definition: 'd1',
    schemaIds: [7],
    operators: [
      { id: 'time', definition: { watermark: 'partition' }, bytes: new Uint8Array(100) },
      { id: 'keys', definition: { key: 'sensor_id' }, bytes: keys(series) },
      { id: 'window/w5m', definition: { type: 'tumbling', sizeMs }, bytes: new Uint8Array(windowBytes) },
    ],
  };
}

const SNAPSHOTS: readonly Given[] = [
  {
    partition: 0,
    offset: 100,
    ageMs: 90_000,
    checkpoint: 'aaaa1111',
    savepoint: 'before-upgrade',
    sizeMs: 60_000,
    series: 2,
  },
  { partition: 1, offset: 110, ageMs: 90_000, checkpoint: 'aaaa1111', savepoint: 'before-upgrade', sizeMs: 60_000 },
  { partition: 0, offset: 200, ageMs: 30_000, checkpoint: 'bbbb2222' },
  { partition: 1, offset: 210, ageMs: 20_000, checkpoint: 'cccc3333' },
  { partition: 0, offset: 300, ageMs: 10_000, checkpoint: 'cccc4444', series: 9, windowBytes: 20_000 },
];

async function fill(url: string, s3: () => Promise<never> = async () => none()): Promise<void> {
  const store = await openStore(url, { policy: { timeoutMs: 10_000, retryMs: 0 }, s3, webhdfs: none });
  const checkpoints = new ObjectCheckpointStore({
    store,
    group: 'pump-room',
    cluster: 'c1',
    reuseFromBytes: 4000,
  });
  for (const each of SNAPSHOTS) await checkpoints.save(snapshot(each));
}

describe('anomaly checkpoint', () => {
  let dir: string;
  let full: string;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'anomaly-checkpoint-'));
    full = join(dir, 'full');
    await fill(full);
  });
  after(() => rmSync(dir, { recursive: true }));

  const run = (argv: string, store = 'full') =>
    runCli(['checkpoint', ...argv.split(' '), '--checkpoint-store', store], { cwd: dir, now: () => NOW });

  async function data(argv: string, store?: string): Promise<Record<string, Row[]>> {
    const { code, stdout, stderr } = await run(`${argv} -o json`, store);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }

  async function refused(argv: string, store?: string) {
    const ended = await run(`${argv} -o json`, store);
    return { exit: ended.code, ...JSON.parse(ended.stderr).error } as { exit: number; code: string; message: string };
  }

  it('lists them by id, newest first', async () => {
    const checkpoints = (await data('ls'))['checkpoints']!;
    assert.deepEqual(
      checkpoints.map((row: Row) => [row.checkpoint, row.savepoint, row.partitions.map((each) => each.offset)]),
      [
        ['cccc4444', null, [300]],
        ['cccc3333', null, [210]],
        ['bbbb2222', null, [200]],
        ['aaaa1111', 'before-upgrade', [100, 110]],
      ],
    );
    const { stdout } = await run('ls');
    assert.match(stdout, /^CHECKPOINT {2}SAVEPOINT +GROUP +PARTITIONS +OFFSETS +BYTES +AGE\n/);
    assert.match(stdout, /aaaa1111 +before-upgrade +pump-room +raw-sensors\/0,1 +100,110 +\d+\.\d KiB +1m30s/);
    const another = await refused('ls --group another');
    assert.deepEqual([another.exit, another.code], [2, 'ANM_CHECKPOINT_UNKNOWN']);
    const missing = await refused('ls', 'no/such/place');
    assert.deepEqual([missing.exit, missing.code], [2, 'ANM_STORE_MISSING']);
    assert.match(missing.message, /no\/such\/place as there is no such directory/);
    const zip = await refused('export latest --to x.zip');
    assert.deepEqual([zip.exit, zip.code, existsSync(join(dir, 'x.zip'))], [2, 'ANM_USAGE', false]);
  });

  it('shows operators by size, and the newest of each partition as latest', async () => {
    const { operators = [], snapshots = [] } = await data('show latest');
    assert.deepEqual(
      snapshots.map(({ manifest }: Row) => [manifest.partition, manifest.offset, manifest.checkpoint]),
      [
        [0, 300, 'cccc4444'],
        [1, 210, 'cccc3333'],
      ],
    );
    assert.deepEqual(
      operators.map(({ id }: Row) => id),
      ['window/w5m', 'keys', 'time'],
    );
    assert.equal(operators[0]!.bytes, 25_000);
    assert.deepEqual(operators[0]!.definition, { type: 'tumbling', sizeMs: 300_000 });
    const { stdout } = await run('show latest');
    assert.match(stdout, /raw-sensors\/0 +300 +2026-11-26T11:59:45.000Z/);
    assert.match(stdout, /window\/w5m +24\.4 KiB +\d\d\.\d % +2 +\{"type":"tumbling","sizeMs":300000\}/);
  });

  it('takes ids, beginnings of ids and names of savepoints, and refuses what is several or none', async () => {
    for (const word of ['bbbb2222', 'bbbb2', 'before-upgrade', 'aaaa1111']) await data(`show ${word}`);
    assert.match((await refused('show cccc')).message, /'cccc' is the beginning of 2 checkpoints: cccc3333, cccc4444/);
    const unknown = await refused('show nothing');
    assert.deepEqual([unknown.exit, unknown.code], [2, 'ANM_CHECKPOINT_UNKNOWN']);
  });

  it('tells how two of them differ', async () => {
    const diff = await data('diff before-upgrade latest');
    assert.deepEqual(diff['partitions']![0], {
      partition: 'raw-sensors/0',
      offset: { a: 100, b: 300 },
      watermark: { a: '2026-11-26T11:58:25.000Z', b: '2026-11-26T11:59:45.000Z' },
      series: { a: 2, b: 9 },
    });
    const window = diff['operators']!.find(({ id }: Row) => id === 'window/w5m');
    assert.deepEqual(window, {
      id: 'window/w5m',
      bytes: { a: 10_000, b: 25_000 },
      changes: ['window/w5m: size was 1m and is 5m'],
    });
    const { stdout } = await run('diff before-upgrade latest');
    assert.match(stdout, /raw-sensors\/0 +100 +300 +\+200 +2 +9/);
    assert.match(stdout, /keys .* the same/);
    assert.match(stdout, /b was made 1m20s after a/);
  });

  it('verifies every byte, and exits 6 naming what is damaged', async () => {
    assert.equal((await run('verify')).code, 0);
    await fill(join(dir, 'damaged'));
    const folder = join(dir, 'damaged', 'pump-room', 'c1', 'raw-sensors-1');
    const name = readdirSync(folder).find((each) => each.endsWith('cccc3333'))!;
    const file = join(folder, name, '00-time.bin');
    const bytes = readFileSync(file);
    bytes[50] = 1;
    writeFileSync(file, bytes);
    const broken = join(folder, readdirSync(folder).find((each) => each.endsWith('aaaa1111'))!, 'manifest.json');
    writeFileSync(broken, '{"format":2');
    const ended = await run('verify -o json', 'damaged');
    assert.equal(ended.code, 6);
    const bad = (JSON.parse(ended.stdout).snapshots as Row[]).filter(({ ok }: Row) => !ok);
    assert.equal(bad.length, 2);
    assert.match(bad[0]!.reason, /00-time\.bin does not match/);
    assert.match(bad[1]!.reason, /aaaa1111\/manifest\.json as its manifest is not JSON/);
    assert.equal((await run('verify before-upgrade', 'damaged')).code, 0, 'the other partition is whole');
  });

  it('exports to a directory that is a store again, and to a tar that tar reads', async () => {
    await data('export latest --to out');
    const shown = await data('show latest', 'out');
    assert.deepEqual(
      shown['snapshots']!.map(({ manifest }: Row) => manifest.offset),
      [300, 210],
    );
    assert.equal((await run('verify', 'out')).code, 0);
    const files = shown['snapshots']!.flatMap(({ manifest }: Row) => manifest.operators);
    assert.ok(
      files.every(({ parts }) => parts.every(({ base }) => base === undefined)),
      'nothing builds on what is not there',
    );

    await data('export before-upgrade --to out.tar');
    const listed = execFileSync('tar', ['-tf', join(dir, 'out.tar')], { encoding: 'utf8' })
      .trim()
      .split('\n');
    assert.equal(listed.length, 8);
    execFileSync('tar', ['-xf', 'out.tar', '--one-top-level=untarred'], { cwd: dir });
    assert.equal((await run('verify before-upgrade', 'untarred')).code, 0);
    assert.equal((await refused('export latest')).code, 'ANM_USAGE');
    assert.equal((await refused('export latest --to nowhere/x.tar')).code, 'ANM_FILE');
  });

  it('prunes by count and by name, and says before what would go', async () => {
    await fill(join(dir, 'pruned'));
    const left = async () => (await data('ls', 'pruned'))['checkpoints']!.map(({ checkpoint }: Row) => checkpoint);
    const plan = await data('prune --retain 1 --dry-run', 'pruned');
    assert.deepEqual(
      plan['removed']!.map(({ checkpoint }: Row) => checkpoint),
      ['bbbb2222'],
    );
    assert.equal((await left()).length, 4);
    assert.match(
      (await run('prune --retain 1', 'pruned')).stdout,
      /^removed 1 snapshots and 0 leftover files, .*\n {2}raw-sensors\/0 at 200/,
    );
    assert.deepEqual(await left(), ['cccc4444', 'cccc3333', 'aaaa1111']);
    await data('prune --savepoint before-upgrade', 'pruned');
    assert.deepEqual(await left(), ['cccc4444', 'cccc3333']);
    assert.equal((await refused('prune --savepoint before-upgrade', 'pruned')).code, 'ANM_CHECKPOINT_UNKNOWN');
    assert.equal((await refused('prune --retain 0', 'pruned')).code, 'ANM_USAGE');
    assert.equal(existsSync(join(dir, 'pruned', 'pump-room', 'c1', 'raw-sensors-0')), true);
    assert.equal(readdirSync(join(dir, 'pruned', 'pump-room', 'c1', 'raw-sensors-0')).length, 1);
  });
});

describe('anomaly checkpoint on S3', () => {
  let fake: FakeS3;
  before(async () => {
    fake = await startFakeS3();
  });
  after(() => fake.close());
  const URL = `s3://${BUCKET}/pump`;
  const run = (env: Record<string, string>, ...more: string[]) =>
    runCli(
      ['checkpoint', 'ls', '--checkpoint-store', URL, '-X', 'checkpoint.retry_timeout=0s', '-o', 'json', ...more],
      { env },
    );
  const keysOf = (id: string, secret: string) => ({ AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret });

  it('takes the address and the keys from the variables of AWS, and secrets into no message', async () => {
    const where = { AWS_ENDPOINT_URL: fake.endpoint, AWS_REGION: 'us-east-1' };
    assert.equal((await run({ ...where, ...keysOf(ACCESS_KEY, SECRET_KEY) })).code, 0);
    const denied = await run({ ...where, ...keysOf(ACCESS_KEY, 'not it at all') });
    assert.equal(denied.code, 4);
    assert.match(denied.stderr, /SignatureDoesNotMatch/);
    assert.doesNotMatch(denied.stderr, /not it at all/);
    const without = await run(where);
    assert.equal(without.code, 4);
    assert.match(without.stderr, /there are no credentials/);
    const half = await run({ ...where, AWS_ACCESS_KEY_ID: 'x' });
    assert.equal(half.code, 2);
    assert.match(half.stderr, /AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not/);
  });

  it('takes them from settings, and from a profile of the credentials file', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'anomaly-aws-'));
    writeFileSync(join(dir, 'secret'), `${SECRET_KEY}\n`);
    const text = `# keys\n[default]\naws_access_key_id = nobody\naws_secret_access_key = x\n\n[pump room]\naws_access_key_id=${ACCESS_KEY}\naws_secret_access_key = ${SECRET_KEY}\n`;
    writeFileSync(join(dir, 'credentials'), text);
    const endpoint = ['-X', `checkpoint.s3.endpoint=${fake.endpoint}`, '-X', 'checkpoint.s3.region=us-east-1'];
    const own = [
      '-X',
      `checkpoint.s3.access_key_id=${ACCESS_KEY}`,
      '-X',
      `checkpoint.s3.secret_access_key=file:${join(dir, 'secret')}`,
    ];
    assert.equal((await run(keysOf('weaker', 'x'), ...endpoint, ...own)).code, 0);
    const file = { AWS_SHARED_CREDENTIALS_FILE: join(dir, 'credentials') };
    assert.equal((await run({ ...file, AWS_PROFILE: 'pump room' }, ...endpoint)).code, 0);
    const other = await run(file, ...endpoint);
    assert.match(other.stderr, /InvalidAccessKeyId/);
    assert.match(other.stderr, /profile default of \S+credentials/);
    rmSync(dir, { recursive: true });
  });
});
