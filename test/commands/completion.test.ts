import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, promisify } from 'node:util';
import { commands } from '../../src/commands/registry.ts';
import type { RpkHelp } from '../../src/commands/rpkPlugin.ts';
import { runCli } from '../helpers/cli.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { missingPty } from '../tui/helpers/pty.ts';

// Goal: the shells themselves, asked as by a Tab, get the names that are on the cluster; and nothing else, whatever fails.

let world: World;
/** A folder for PATH in which `anomaly` is this source. */
let bin: string;
before(async () => {
  world = await startWorld();
  const topics = ['pump-raw', 'pump-room.status', 'pump-room.control', 'half.status', 'other'];
  await world.client.admin.createTopics(topics.map((name) => ({ name, partitions: 1 })));
  for (const groupId of ['pump-room', 'reader']) {
    const consumer = await world.client.createConsumer({ groupId });
    await consumer.commit([{ topic: 'other', partition: 0, offset: 0 }]);
    await consumer.close();
  }
  bin = join(world.dir, 'bin');
  mkdirSync(bin);
  const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
  const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url));
  const entry = join(bin, 'entry.mjs');
  writeFileSync(
    entry,
    `import { main } from ${JSON.stringify(cli)};\nprocess.exit(await main(process.argv.slice(2)));\n`,
  );
  writeFileSync(join(bin, 'anomaly'), `#!/bin/sh\nexec '${process.execPath}' --import '${tsx}' '${entry}' "$@"\n`);
  chmodSync(join(bin, 'anomaly'), 0o755);
  mkdirSync(join(world.dir, 'config', 'rpk'), { recursive: true });
  const profiles = 'version: 7\ncurrent_profile: ""\nprofiles: [{name: prod}, {name: proving}, {name: dev}]\n';
  writeFileSync(join(world.dir, 'config', 'rpk', 'rpk.yaml'), profiles);
});
after(() => world.close());

const env = () => ({
  ...world.env,
  PATH: `${bin}:${process.env['PATH']}`,
  HOME: world.dir,
  XDG_CONFIG_HOME: join(world.dir, 'config'),
});

/** For what a user would give up on: no machine that is merely busy takes as long. */
const PATIENCE_MS = 120_000;

/**
 * What a cluster knows is left out where it takes longer than 300 ms, which may be so on a busy machine: as a user, it
 * tries again. Returns the last answer.
 */
async function again<T>(expected: T, ask: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  for (;;) {
    const got = await ask();
    if (isDeepStrictEqual(got, expected) || performance.now() - begun > PATIENCE_MS) return got;
  }
}

async function names(...words: string[]): Promise<string[]> {
  const { stdout, stderr, code } = await world.run(['__complete', ...words], {
    env: { XDG_CONFIG_HOME: join(world.dir, 'config') },
  });
  assert.equal(code, 0);
  assert.equal(stderr, '');
  return stdout.split('\n').filter(Boolean);
}

test('topics, groups, pipelines and profiles by their beginning', async () => {
  for (const [kind, prefix, expected] of [
    ['topics', 'pump', ['pump-raw', 'pump-room.control', 'pump-room.status']],
    ['groups', '', ['pump-room', 'reader']],
    ['pipelines', '', ['pump-room']],
    ['profiles', 'pro', ['prod', 'proving']],
  ] as const) {
    assert.deepEqual(await again<readonly string[]>(expected, () => names(kind, prefix)), expected, kind);
  }
  assert.deepEqual(await names('topics', 'none'), []);
});

test('the line so far says which cluster; what is half typed does no harm', async () => {
  const { ANOMALY_BROKERS: address, ...rest } = world.env;
  const on = async (...line: string[]) => {
    const { stdout, stderr, code } = await runCli(['__complete', 'topics', 'pump-r', ...line], {
      env: rest,
      cwd: world.dir,
    });
    assert.deepEqual([code, stderr], [0, '']);
    return stdout;
  };
  for (const line of [
    ['tail', '--brokers', address!],
    ['tail', '-X', `brokers=${address}`, '--offset'],
  ]) {
    const expected = 'pump-raw\npump-room.control\npump-room.status\n';
    assert.equal(await again(expected, () => on(...line)), expected, line.join(' '));
  }
  assert.equal(await on('tail', '--brokers'), '');
  assert.equal(await on('tail', '--brokers', address!, '-X', 'no.such=key', '-X'), '');
  assert.equal(await on('tail', '--brokers', '127.0.0.1:1'), '');
});

test('a broker that never answers costs 300 ms, and no word', async (t) => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  await names('topics', '', '--brokers', `127.0.0.1:1`);
  const tookMs: number[] = [];
  for (let i = 0; i < 5; i++) {
    const begun = performance.now();
    assert.deepEqual(await names('topics', '', 'tail', '--brokers', `127.0.0.1:${port}`), []);
    tookMs.push(performance.now() - begun);
  }
  // The best of them: a machine that is busy makes some longer, no cap all of them, by the seconds of other limits.
  const best = Math.min(...tookMs);
  assert.ok(best > 250 && best < 2500, `${tookMs.map(Math.round).join(', ')} ms`);
});

function has(shell: string, t: TestContext): boolean {
  if (spawnSync(shell, ['--version']).error === undefined) return true;
  assert.notEqual(process.env['ANOMALY_REQUIRE_SHELLS'], '1', `${shell} is missing`);
  t.skip(`there is no ${shell} here`);
  return false;
}

const run = promisify(execFile);

async function bash(line: string): Promise<string[]> {
  const script = (await runCli(['completion', 'bash'])).stdout;
  const words = line.split(' ').map((word) => `'${word}'`);
  const ask = `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _anomaly; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await run('bash', ['-c', `${script}\n${ask}`], { env: env(), cwd: world.dir });
  assert.equal(stderr, '');
  return stdout.split('\n').filter(Boolean);
}

async function completes(ask: (line: string) => Promise<string[]>, line: string, expected: string[]): Promise<void> {
  assert.deepEqual(await again(expected, async () => (await ask(line)).sort()), expected, line);
}

test('bash', async (t) => {
  if (!has('bash', t)) return;
  await completes(bash, 'anomaly tail pump-r', ['pump-raw', 'pump-room.control', 'pump-room.status']);
  // A command below it, and a group.
  await completes(bash, 'anomaly lag re', ['reader', 'reset']);
  await completes(bash, 'anomaly control status pu', ['pump-room']);
  await completes(bash, 'anomaly run --profile d', ['dev']);
  await completes(bash, 'anomaly run --topic oth', ['other']);
  await completes(bash, 'anomaly lag --wat', ['--watch']);
  await completes(bash, 'anomaly tail -o nd', ['ndjson']);
});

/** An interactive shell in a pseudo terminal: types a line and a Tab, and resolves when the terminal shows the pattern. */
async function typed(command: string, setUp: string, line: string, shows: RegExp): Promise<void> {
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...env(), TERM: 'dumb', SHELL: '/bin/sh' },
    cwd: world.dir,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let seen = '';
  let from = 0;
  let wake = (): void => {};
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    wake();
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const sees = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(seen.slice(from))) {
      const ended = await Promise.race([
        closed.then(() => true),
        new Promise<false>((resolve) => {
          wake = () => resolve(false);
        }),
      ]);
      assert.ok(!ended, `${command} ended: ${seen}`);
    }
  };
  // The mark is put together by the shell, so that its echo is not it.
  child.stdin.write(`${setUp}; echo set''-up\n`);
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await sees(/set-up/);
  from = seen.length;
  child.stdin.write(`${line}\t`);
  // A Tab that got no names in time is pressed again.
  const repeated = setInterval(() => child.stdin.write('\t'), 5000);
  await sees(shows).finally(() => clearInterval(repeated));
  // ^U takes the line away; ^C might take what follows, too.
  child.stdin.write('\u0015exit\n');
  await closed;
  clearTimeout(timer);
}

function hasPty(t: TestContext): boolean {
  const reason = missingPty();
  if (reason !== null) t.skip(reason);
  return reason === null;
}

test('bash in a terminal: a Tab', async (t) => {
  if (!has('bash', t) || !hasPty(t)) return;
  const script = join(world.dir, 'anomaly.bash');
  writeFileSync(script, (await runCli(['completion', 'bash'])).stdout);
  await typed('bash --norc -i', `PS1='> '; source '${script}'`, 'anomaly lag rea', /anomaly lag reader/);
});

test('zsh in a terminal: sourced, and as a file of fpath', async (t) => {
  if (!has('zsh', t) || !hasPty(t)) return;
  const functions = join(world.dir, 'functions');
  mkdirSync(functions);
  writeFileSync(join(functions, '_anomaly'), (await runCli(['completion', 'zsh'])).stdout);
  const prompt = "PS1='> '; unsetopt zle_bracketed_paste; ";
  await typed('zsh -f -i', `${prompt}source '${functions}/_anomaly'`, 'anomaly lag rea', /anomaly lag reader/);
  const loaded = `${prompt}fpath=('${functions}' $fpath); autoload -U compinit; compinit -u -D`;
  await typed('zsh -f -i', loaded, 'anomaly control status pu', /anomaly control status pump-room/);
});

test('fish', async (t) => {
  if (!has('fish', t)) return;
  const script = join(world.dir, 'anomaly.fish');
  writeFileSync(script, (await runCli(['completion', 'fish'])).stdout);
  const fish = async (line: string) => {
    const ask = `source '${script}'; complete -C '${line}'`;
    const { stdout } = await run('fish', ['--no-config', '-c', ask], { env: env(), cwd: world.dir });
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((each) => each.split('\t')[0]!);
  };
  await completes(fish, 'anomaly tail pump-r', ['pump-raw', 'pump-room.control', 'pump-room.status']);
  await completes(fish, 'anomaly lag re', ['reader', 'reset']);
  await completes(fish, 'anomaly control status pu', ['pump-room']);
  await completes(fish, 'anomaly run --profile d', ['dev']);
  await completes(fish, 'anomaly tail -o nd', ['ndjson']);
});

test('rpk: the answer to --help-autocomplete has each command with each family before it, in the form that rpk reads', async () => {
  const { stdout, code, stderr } = await runCli(['--help-autocomplete']);
  assert.deepEqual([code, stderr], [0, '']);
  const helps = JSON.parse(stdout) as RpkHelp[];
  const paths = helps.map(({ path }) => path);
  assert.equal(new Set(paths).size, paths.length, 'each path once');
  for (const { path, short, long, example, args } of helps) {
    assert.match(path, /^[A-Za-z0-9_-]+$/);
    for (const text of [short, long, example]) assert.equal(typeof text, 'string', path);
    assert.ok(short.length > 0 && Array.isArray(args), path);
    // rpk hangs a command under the one before its last word.
    const parent = path.split('_').slice(0, -1).join('_');
    assert.ok(parent === '' || paths.indexOf(parent) < paths.indexOf(path), `${parent} comes before ${path}`);
    assert.ok(parent === '' || paths.includes(parent), `${parent} is there`);
  }
  assert.equal(paths[0], 'anomaly');
  for (const { name } of commands) assert.ok(paths.includes(`anomaly_${name.replace(' ', '_')}`), name);
  assert.match(helps.find(({ path }) => path === 'anomaly_lag')!.example, /^# .*\nrpk anomaly lag/m);
});

test('rpk: the package installs a plugin by name, and a link by the other name answers as one', async () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.equal(manifest.bin['.rpk-anomaly'], manifest.bin.anomaly);
  symlinkSync(join(bin, 'anomaly'), join(bin, '.rpk.ac-anomaly'));
  const { stdout } = await run(join(bin, '.rpk.ac-anomaly'), ['--help-autocomplete'], { env: env() });
  assert.ok((JSON.parse(stdout) as RpkHelp[]).length > 20, 'it lists its commands');
  const lag = await run(join(bin, '.rpk.ac-anomaly'), ['lag', '-o', 'json'], { env: env(), cwd: world.dir });
  assert.match(lag.stdout, /"reader"/);
});
