import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCli } from './helpers/cli.ts';
import { temporaryFiles } from './helpers/files.ts';

test('alone it prints short help with three examples', async () => {
  const { code, stdout, stderr } = await runCli([]);
  assert.equal(code, 0);
  assert.equal(stdout.match(/^ {2}anomaly /gm)?.length, 3);
  assert.equal(stderr, '');
});

test('unknown words are exit 2 with a suggestion', async () => {
  const cases: readonly [string[], RegExp, RegExp][] = [
    [['widnow'], /unknown command widnow/, /did you mean anomaly window\?/],
    [['schema', 'lst'], /unknown command schema lst/, /did you mean anomaly schema ls\?/],
    [['lag', '--wacth'], /unknown option --wacth of anomaly lag/, /did you mean --watch\?/],
    [['lag', '--brokers'], /option '--brokers <list>' argument missing/, /anomaly lag --help/],
    [['tail'], /anomaly tail misses the argument TOPIC/, /anomaly tail --help/],
    [['tail', 'a', 'b'], /too many arguments/, /anomaly tail --help/],
    [['lag', '--password=hunter2'], /unknown option --password of anomaly lag/, /./],
    [['lag', '--watch=0s'], /--watch wants at least 1 ms/, /help/],
    [['lag', '--max-lag', '-1'], /--max-lag wants a number of records from 0 on/, /help/],
    [['tail', 't', '-n', '0'], /--num wants a number of records from 1 on/, /help/],
    [['lag', '-o', 'jsn'], /--output wants text, wide, json, ndjson, yaml, got "jsn"/, /did you mean json\?/],
    [['lag', '--max-lag', 'many'], /--max-lag wants a whole number, got "many"/, /anomaly help/],
    [['lag', '--watch', '5'], /--watch wants a duration such as .* got "5"/, /anomaly help/],
    [['config', 'show', '-X', 'broker=a'], /-X broker is no key; did you mean brokers\?/, /config show/],
    [['schema'], /anomaly schema wants a command: ls, show, register, check/, /see anomaly schema --help/],
    [['-o', 'text'], /anomaly wants a command: demo, .*completion/, /see anomaly --help/],
    [['run', '--max-bad-rate', '2'], /--max-bad-rate wants a share from 0 to 1, got 2/, /help/],
    [
      ['run', '-X', 'features=f=mean:value:1000000000'],
      /f=mean:value:1000000000: rolling must be from 1 to 100000 values, got "1000000000"/,
      /config show/,
    ],
    [['help', 'lagg'], /no help on lagg/, /did you mean anomaly help lag\?/],
  ];
  for (const [argv, message, hint] of cases) {
    const { code, stdout, stderr } = await runCli(argv);
    assert.equal(code, 2, argv.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.match(stderr, hint);
    assert.match(stderr, /^error\[ANM_(USAGE|CONFIG)\]: /);
  }
});

test('with -o json an error is one JSON object on stderr', async () => {
  for (const words of [['-o', 'json'], ['-ojson'], ['--output=json']]) {
    const { code, stdout, stderr } = await runCli(['widnow', ...words]);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.equal(JSON.parse(stderr).error.code, 'ANM_USAGE');
  }
});

test('the stack is shown with --debug or ANOMALY_DEBUG only', async () => {
  assert.doesNotMatch((await runCli(['widnow'])).stderr, /\n {4}at /);
  assert.match((await runCli(['widnow', '--debug'])).stderr, /\n {4}at /);
  assert.match((await runCli(['widnow'], { env: { ANOMALY_DEBUG: '1' } })).stderr, /\n {4}at /);
});

test('global options may stand before and after the command, the later one wins, -X adds up', async () => {
  const { code, stdout } = await runCli([
    ...['--brokers', 'before:1', '-X', 'dial_timeout=1s', '-o', 'yaml'],
    ...['config', 'show', '--brokers', 'after:1', '-X', 'client_id=me', '-o', 'json'],
  ]);
  assert.equal(code, 0);
  const settings = JSON.parse(stdout).settings as { key: string; value: unknown }[];
  const value = (key: string) => settings.find((each) => each.key === key)?.value;
  assert.deepEqual(value('brokers'), ['before:1', 'after:1']);
  assert.equal(value('dial_timeout'), 1000);
  assert.equal(value('client_id'), 'me');
});

test('config show has windows, features and derived fields in the words of anomaly.yaml', async () => {
  const windows =
    '[{name: w5m, size: 5m, aggregates: [mean]}, {gap: 10m, aggregates: [count]}, {type: count, size: 9}]';
  const yaml = `windows: ${windows}
features: [{name: f, of: w5m.mean, rolling: 1h}, {name: g, of: w5m.mean, rolling: 3}]
derive: {double: value * 2, odd: "if(value > 1, 1, 0)"}
`;
  const files = temporaryFiles({ 'anomaly.yaml': yaml });
  const show = async (cwd: string, ...more: string[]) =>
    (await runCli(['config', 'show', '--changed', ...more], { cwd })).stdout;
  try {
    const text = await show(files.path);
    for (const line of [
      '[{name: w5m, type: tumbling, size: 5m, aggregates: [mean]}, {name: s10m, type: session, gap: 10m, aggregates: [count]}, {name: c9, type: count, size: 9, ',
      '[{name: f, statistic: mean, of: w5m.mean, rolling: 1h}, {name: g, statistic: mean, of: w5m.mean, rolling: 3}]',
      '{double: value * 2, odd: "if(value > 1, 1, 0)"}',
    ]) {
      assert.ok(text.includes(line), text);
    }
    // What is shown can be put into the file again.
    const values = new Map(text.split('\n').map((line) => line.split(/ {2,}/) as [string, string]));
    const again = temporaryFiles({
      'anomaly.yaml': ['windows', 'features', 'derive'].map((key) => `${key}: ${values.get(key)}\n`).join(''),
    });
    try {
      assert.equal(await show(again.path, '-o', 'json'), await show(files.path, '-o', 'json'));
    } finally {
      again.remove();
    }
  } finally {
    files.remove();
  }
});

test('config show --origin names the place of each key', async () => {
  const files = temporaryFiles({ 'anomaly.yaml': 'pipeline: pumps\nscore:\n  sensitivity: high\n' });
  try {
    const { stdout } = await runCli(['config', 'show', '--origin', '--changed'], {
      cwd: files.path,
      env: { ANOMALY_GROUP: 'g' },
    });
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {2,}/)),
      [
        ['KEY', 'VALUE', 'ORIGIN', 'PLACE'],
        ['pipeline', 'pumps', 'project file', 'anomaly.yaml:1'],
        ['group', 'g', 'environment', 'ANOMALY_GROUP'],
        ['score.sensitivity', 'high', 'project file', 'anomaly.yaml:3'],
      ],
    );
  } finally {
    files.remove();
  }
});

test('passwords in addresses are not shown, with a scheme or without', async () => {
  const addresses = ['u:hunter2@h:1', 'http://u:hun/hunter2@h:1'];
  for (const address of addresses) {
    for (const argv of [
      ['config', 'show', '--registry', address],
      ['config', 'show', '--brokers', address, '-o', 'json'],
      ['lag', '--brokers', address],
    ]) {
      const { stdout, stderr } = await runCli(argv);
      assert.doesNotMatch(stdout + stderr, /hunter2/, argv.join(' '));
    }
  }
});

test('config init writes once, and again only by force', async () => {
  const files = temporaryFiles({});
  try {
    assert.equal((await runCli(['config', 'init'], { cwd: files.path })).code, 0);
    const again = await runCli(['config', 'init'], { cwd: files.path });
    assert.equal(again.code, 2);
    assert.match(again.stderr, /already there[\s\S]*--force/);
    assert.equal((await runCli(['config', 'init', '--force'], { cwd: files.path })).code, 0);
    assert.equal((await runCli(['config', 'show'], { cwd: files.path })).code, 0);
  } finally {
    files.remove();
  }
});

test('a broken anomaly.yaml stops commands, but neither help nor config path', async () => {
  const files = temporaryFiles({ 'anomaly.yaml': 'sorce: {}\nbrokers: 5\n' });
  try {
    const { code, stderr } = await runCli(['config', 'show'], { cwd: files.path });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /the configuration has 2 problems\n {2}anomaly\.yaml:1: sorce is no key; did you mean source\?/,
    );
    assert.equal((await runCli(['help'], { cwd: files.path })).code, 0);
    assert.equal((await runCli(['config', 'path'], { cwd: files.path })).code, 0);
  } finally {
    files.remove();
  }
});

test('-X list shows every key, --version the version', async () => {
  const { stdout } = await runCli(['-X', 'list']);
  assert.match(stdout, /^brokers=<list> {2}default localhost:9092$/m);
  assert.match(stdout, /ANOMALY_CHECKPOINT_EVERY/);
  assert.match((await runCli(['--version'])).stdout, /^anomaly \d+\.\d+\.\d+ \(\w+ [\d.]+\)\n$/);
});

test('colours: none in a pipe, none by NO_COLOR, on by --color always', async () => {
  const escapeByte = String.fromCharCode(27);
  const bytes = async (argv: string[], options: Parameters<typeof runCli>[1]) => {
    const { stdout, stderr } = await runCli(argv, options);
    return (stdout + stderr).includes(escapeByte);
  };
  for (const argv of [['config', 'show'], ['widnow']]) {
    assert.equal(await bytes(argv, {}), false);
    assert.equal(await bytes(argv, { terminal: true, env: { TERM: 'xterm' } }), true);
    assert.equal(await bytes(argv, { terminal: true, env: { TERM: 'xterm', NO_COLOR: '1' } }), false);
    assert.equal(await bytes(argv, { terminal: true, env: { TERM: 'dumb' } }), false);
    assert.equal(await bytes([...argv, '--color', 'always'], {}), true);
  }
});

test('a first signal aborts and says so, a second one ends at once', async () => {
  for (const name of ['SIGINT', 'SIGTERM']) {
    const signals = new EventEmitter();
    let sent = false;
    const server = createServer((socket) => {
      socket.on('error', () => {});
      // The broker that accepts and never answers: the command hangs in its dial.
      if (!sent) {
        sent = true;
        signals.emit(name);
        signals.emit(name);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const { code, stderr } = await runCli(['lag', '--brokers', `127.0.0.1:${port}`], { signals });
      assert.equal(code, 130);
      assert.match(stderr, new RegExp(`^${name}: finishing`));
      assert.equal(signals.listenerCount(name), 0);
    } finally {
      server.close();
    }
  }
});

test('a broker that is down is exit 3, with the address and what to look at', async () => {
  // A port that was free a moment ago.
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const { code, stderr } = await runCli(['lag', '--brokers', `127.0.0.1:${port}`]);
  assert.equal(code, 3);
  assert.match(stderr, /error\[ANM_BROKER_UNREACHABLE\]/);
  assert.ok(stderr.includes(`127.0.0.1:${port}`));
  assert.match(stderr, /--brokers/);
  assert.match(stderr, /doctor/);
});

test('when the reader of stdout goes away it ends quietly', async () => {
  const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
  const script = `import { main } from ${JSON.stringify(cli)};
    const noise = setInterval(() => process.stdout.write('x'.repeat(65536)), 1);
    process.exit(await Promise.race([main(['dev', '--port', '0', '--registry-port', '0', '--admin-port', '0'])]));`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.on('exit', resolve));
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /EPIPE/);
});

test('when the reader of stderr goes away the work goes on to its end', async () => {
  const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
  // A row of fifty has too few fields, and is told. The rest, and a line for the end, go to stdout.
  const rows = Array.from({ length: 30_000 }, (_, i) => `${1_700_000_000_000 + i},a${i % 50 === 0 ? '' : `,${i}`}`);
  const { path, remove } = temporaryFiles({ 'rows.csv': `ts,series,value\n${rows.join('\n')}\n` });
  const argv = ['replay', join(path, 'rows.csv'), '--time', 'ts', '--key', 'series', '--to', '-'];
  const script = `import { main } from ${JSON.stringify(cli)}; process.exitCode = await main(${JSON.stringify(argv)});`;
  const run = async (reads: boolean) => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let lines = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      lines += chunk.toString().split('\n').length - 1;
    });
    let first = '';
    if (reads) child.stderr.on('data', (chunk) => (first += chunk));
    else child.stderr.once('data', () => child.stderr.destroy());
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { code, lines, first };
  };
  const whole = await run(true);
  assert.deepEqual([whole.code, whole.lines], [0, 29_401], whole.first.slice(0, 500));
  const { code, lines } = await run(false);
  assert.deepEqual([code, lines], [whole.code, whole.lines]);
  remove();
});
