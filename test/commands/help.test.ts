import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArguments } from '../../src/commands/program.ts';
import { commands } from '../../src/commands/registry.ts';
import { PIPELINE_KEYS } from '../../src/config/pipelineKeys.ts';
import { settingRow } from '../../src/config/settingsTable.ts';
import { runCli } from '../helpers/cli.ts';
import { matchesSnapshot } from '../helpers/snapshot.ts';
import { splitWords } from '../helpers/words.ts';

const fileOf = (name: string) => `help/${name.replaceAll(' ', '-')}.txt`;
const families = [...new Set(commands.filter(({ name }) => name.includes(' ')).map(({ name }) => name.split(' ')[0]!))];

test('help of every command', async () => {
  matchesSnapshot(fileOf('anomaly'), (await runCli(['--help'])).stdout);
  for (const name of [...families, ...commands.map((command) => command.name)]) {
    const { code, stdout } = await runCli([...name.split(' '), '--help']);
    assert.equal(code, 0, name);
    assert.equal((await runCli(['help', ...name.split(' ')])).stdout, stdout, name);
    // With an option before the name it comes by way of the parser.
    assert.equal((await runCli(['-q', ...name.split(' '), '-h'])).stdout, stdout, name);
    matchesSnapshot(fileOf(name), stdout);
  }
});

test('a snapshot of a command that is gone is gone too', () => {
  const files = readdirSync(fileURLToPath(new URL('../snapshots/help', import.meta.url))).sort();
  // A command may be a family, too: lag, and lag reset.
  const names = new Set(['anomaly', ...families, ...commands.map((command) => command.name)]);
  assert.deepEqual(files, [...names].map((name) => fileOf(name).slice(5)).sort());
});

test('typical errors', async () => {
  const lines = [
    ['widnow'],
    ['lag', '--wacth'],
    ['tail'],
    ['lag', '--max-lag', 'many'],
    ['config', 'show', '-X', 'score.detector=kip', '-X', 'time.max_ahead=10'],
    ['config', 'show', '-X', 'guarantee=exactly-once'],
    ['config', 'show', '-X', 'sasl.password=hunter2'],
    ['config', 'show', '--config', 'missing.yaml'],
    ['completion', 'tcsh'],
  ];
  let text = '';
  for (const argv of lines) {
    const { code, stderr } = await runCli(argv);
    text += `$ anomaly ${argv.join(' ')}\n${stderr}exit ${code}\n\n`;
  }
  matchesSnapshot('errors.txt', text);
});

test('every command has two examples, and each of them can be parsed', () => {
  for (const command of commands) {
    assert.ok(command.examples.length >= 2, command.name);
    assert.doesNotMatch(command.summary, /\.$/, command.name);
    for (const example of command.examples) {
      for (const part of example.command.split(/\s[|>]\s|<\(|\)/)) {
        const words = splitWords(part);
        if (words[0] !== 'anomaly') continue;
        const request = parseArguments(commands, words.slice(1));
        assert.equal(request.kind, 'run', example.command);
      }
    }
  }
});

test('every option that names a key names one that exists', () => {
  for (const command of commands) {
    for (const { key, flags } of command.options ?? []) {
      if (key !== undefined && key !== 'config') assert.ok(settingRow(key), `${command.name} ${flags}: ${key}`);
    }
  }
});

test('every key of a pipeline has a flag of run, and of the stages where it means something', () => {
  const keysOf = (name: string) => {
    const command = commands.find((each) => each.name === name)!;
    return new Set([...(command.options ?? []), ...(command.arguments ?? [])].map(({ key }) => key));
  };
  // What lies deeper, as score.model.timeout, would bury the other flags: -X sets it.
  const shallow = PIPELINE_KEYS.map(({ key }) => key).filter((key) => !/^score\.[^.]+\./.test(key));
  const missing = (name: string) => shallow.filter((key) => !keysOf(name).has(key));
  assert.deepEqual(missing('run'), []);
  // These two name their own target by --to.
  assert.deepEqual(
    missing('window').filter((key) => !/^(score\.|overrides$|calendars$|alerts\.)/.test(key)),
    ['sinks.windows', 'sinks.anomalies'],
  );
  // People are told beside run, or by alerts run.
  assert.deepEqual(
    missing('score').filter((key) => !key.startsWith('alerts.')),
    ['sinks.windows', 'sinks.anomalies'],
  );
});

test('completion scripts know every command and are valid shell', async () => {
  const { spawnSync } = await import('node:child_process');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await runCli(['completion', shell]);
    assert.equal(code, 0);
    for (const { name } of commands) assert.ok(stdout.includes(name.split(' ').at(-1)!), `${shell}: ${name}`);
  }
  const script = (await runCli(['completion', 'bash'])).stdout;
  const complete = (line: string) => {
    const words = line.split(' ');
    const test = `${script}\nCOMP_WORDS=(${words.map((word) => `"${word}"`).join(' ')}); COMP_CWORD=${words.length - 1}; _anomaly; echo "\${COMPREPLY[@]}"`;
    const run = spawnSync('bash', ['-c', test], { encoding: 'utf8' });
    assert.equal(run.stderr, '', line);
    return run.stdout.trim().split(/\s+/);
  };
  assert.deepEqual(complete('anomaly sch'), ['schema']);
  assert.ok(complete('anomaly schema ').includes('ls'));
  assert.deepEqual(complete('anomaly lag --wa'), ['--watch']);
  assert.deepEqual(complete('anomaly lag -o nd'), ['ndjson']);
});
