import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings, type SettingsInput } from '../../src/config/load.ts';
import { problemError } from '../../src/config/problems.ts';
import { temporaryFiles } from '../helpers/files.ts';

const RPK = `version: 7
current_profile: prod
globals: {dial_timeout: 7s}
profiles:
  - name: prod
    kafka_api:
      brokers: [from-profile:9092]
      tls: {truststore_file: /ca.pem}
      sasl: {user: profile-user, password: profile-pass, mechanism: SCRAM-SHA-512}
    schema_registry: {addresses: [registry-of-profile:8081]}
  - name: dev
    kafka_api: {brokers: [dev:9092]}
`;

async function load(files: Record<string, string>, input: Partial<SettingsInput> = {}) {
  const directory = temporaryFiles(files);
  try {
    const env = { HOME: directory.path, ...input.env };
    return await loadSettings({ flags: [], extras: [], cwd: directory.path, ...input, env });
  } finally {
    directory.remove();
  }
}

test('each source is weaker than the one before it', async () => {
  const files: Record<string, string> = {
    'anomaly.yaml': 'brokers: [from-project:1]\n',
    '.config/anomaly/config.yaml': 'brokers: [from-user:1]\n',
    '.config/rpk/rpk.yaml': RPK,
  };
  const env: Record<string, string> = { ANOMALY_BROKERS: 'from-env:1', RPK_BROKERS: 'from-rpk-env:1' };
  const input = {
    flags: [{ key: 'brokers', name: '--brokers', texts: ['from-flag:1', 'second:1'] }],
    extras: ['brokers=from-extra:1'],
    env,
  };
  const seen: [string, string, string][] = [];
  const note = async (changed: Partial<SettingsInput>): Promise<void> => {
    const settings = await load(files, changed);
    const { origin, place } = settings.origin('brokers');
    seen.push([settings.list('brokers')[0]!, origin, place.replace(/^.*\/(?=\.config)/, '')]);
  };
  await note(input);
  await note({ ...input, flags: [] });
  await note({ env });
  delete env['ANOMALY_BROKERS'];
  await note({ env });
  delete env['RPK_BROKERS'];
  await note({ env });
  delete files['anomaly.yaml'];
  await note({ env });
  delete files['.config/anomaly/config.yaml'];
  await note({ env });
  await note({ env, ignoreProfile: true });
  assert.deepEqual(seen, [
    ['from-flag:1', 'flag', '--brokers'],
    ['from-extra:1', 'flag', '-X brokers'],
    ['from-env:1', 'environment', 'ANOMALY_BROKERS'],
    ['from-rpk-env:1', 'environment', 'RPK_BROKERS'],
    ['from-project:1', 'project file', 'anomaly.yaml:1'],
    ['from-user:1', 'user file', '.config/anomaly/config.yaml:1'],
    ['from-profile:9092', 'rpk profile', '.config/rpk/rpk.yaml:7'],
    ['localhost:9092', 'default', ''],
  ]);
});

test('the rpk profile: addresses, SASL, TLS by its presence, globals, older names of keys', async () => {
  const settings = await load({ '.config/rpk/rpk.yaml': RPK });
  assert.deepEqual(settings.list('registry.urls'), ['registry-of-profile:8081']);
  assert.equal(settings.string('sasl.user'), 'profile-user');
  assert.equal(settings.secret('sasl.password'), 'profile-pass');
  assert.equal(settings.string('sasl.mechanism'), 'SCRAM-SHA-512');
  assert.equal(settings.boolean('tls.enabled'), true);
  assert.equal(settings.string('tls.ca'), '/ca.pem');
  assert.equal(settings.durationMs('dial_timeout'), 7000);
});

test('--profile beats RPK_PROFILE, and a missing one is named with a suggestion', async () => {
  const files = { '.config/rpk/rpk.yaml': RPK };
  assert.deepEqual((await load(files, { env: { RPK_PROFILE: 'dev' } })).list('brokers'), ['dev:9092']);
  const both = await load(files, { env: { RPK_PROFILE: 'dev' }, profile: 'prod' });
  assert.deepEqual(both.list('brokers'), ['from-profile:9092']);
  await assert.rejects(load(files, { profile: 'prdo' }), { code: 'ANM_CONFIG', hint: 'did you mean prod?' });
});

test('secrets are references on the command line and in files, and never shown', async () => {
  const files = { secret: 'from-file\n', 'anomaly.yaml': 'sasl: {password: plain}\n' };
  const plain = await load(files, { extras: ['sasl.password=plain'] });
  assert.deepEqual(
    plain.problems.map(({ place }) => place),
    ['-X sasl.password', 'anomaly.yaml:1'],
  );
  const directory = temporaryFiles({ secret: 'from-file\n' });
  try {
    const settings = await loadSettings({
      flags: [],
      extras: ['pass=file:secret', 'registry.password=env:TOKEN'],
      env: { HOME: directory.path, TOKEN: 'from-env' },
      cwd: directory.path,
    });
    assert.deepEqual(settings.problems, []);
    assert.equal(settings.secret('sasl.password'), 'from-file');
    assert.equal(settings.secret('registry.password'), 'from-env');
    const shown = JSON.stringify([...settings.entries()]);
    assert.ok(!shown.includes('from-file') && !shown.includes('from-env'), shown);
    assert.ok(shown.includes('********'));
  } finally {
    directory.remove();
  }
});

test('a secret file that is missing is named, also where the settings go to a worker', async () => {
  const missing = await load({}, { extras: ['pass=file:../e/pw'] });
  for (const read of [() => missing.plain(), () => missing.secret('sasl.password')]) {
    assert.throws(read, {
      code: 'ANM_CONFIG',
      message: '-X pass: sasl.password names the file ../e/pw, which cannot be read',
    });
  }
});

test('every problem of a file at once, with key path, line and suggestion', async () => {
  const settings = await load({
    'anomaly.yaml': `version: 2
source:
  topics: [a]
  tiem: ts
windows:
  - {name: w, size: five}
  - size: 5m
    aggregates: [count, medn]
score:
  detector: kip
  windw: 5
out_of_orderness: 5s
time: {out_of_orderness: 5}
`,
  });
  const lines = settings.problems.map(({ place, key, message }) => `${place} ${key} ${message}`);
  assert.deepEqual(lines, [
    'anomaly.yaml:1 version must be 1, got 2',
    'anomaly.yaml:4 source.tiem is no key; did you mean time?',
    'anomaly.yaml:6 windows[0].size wants a duration such as 250ms, 5m or 1h30m, got "five"',
    'anomaly.yaml:8 windows[1].aggregates[1] wants some of count, mean, min, max, stddev, sum, variance, first, last, range, rate, slope, distinct, anomalies, threshold or quantiles as p95, got "medn"; did you mean mean?',
    'anomaly.yaml:10 score.detector wants auto, kpi, sensor, difference, seasonal, context, mad-z, ewma, range, rolling-z or threshold, got "kip"; did you mean kpi?',
    'anomaly.yaml:11 score.windw is no key; did you mean window?',
    'anomaly.yaml:12 out_of_orderness is no key; did you mean time.out_of_orderness?',
    'anomaly.yaml:13 time.out_of_orderness wants a unit: 5s, 5m or 5ms',
  ]);
  assert.equal(problemError(settings.problems).code, 'ANM_CONFIG');
});

test('what is wrong with an item of a flag names the item and its field', async () => {
  const flag = (key: string, name: string, ...texts: string[]) => ({ key, name, texts });
  const settings = await load(
    {},
    {
      flags: [
        flag('windows', '--size', '5m:count+medn'),
        flag('windows', '--window', '1h', 'session:gpa=10m'),
        flag('features', '--feature', 'a=men:value:12', 'b'),
        flag('derive', '--derive', '2x=value * 2'),
        flag('transaction_timeout', '--transaction-timeout', '100d'),
      ],
    },
  );
  const text = problemError(settings.problems).message;
  for (const line of [
    '--size 5m:count+medn: aggregates[1] wants some of',
    '--window session:gpa=10m: gpa is no key here; did you mean gap?',
    '--feature wants name=mean:field:12',
    '--derive: derive.2x wants a name of letters',
    '--transaction-timeout: transaction_timeout must be at most 2147483647 ms, got 100d',
  ]) {
    assert.ok(text.includes(`\n  ${line}`), `${line}\n${text}`);
  }
  assert.equal(settings.problems.length, 5, text);
});

test('a window that contradicts itself is refused by its field', async () => {
  for (const [item, message] of [
    ['{size: 1m, advance: 2m}', /windows\[0\]\.advance is 2m, more than the size of 1m/],
    ['{size: 1m, gap: 5s, type: tumbling}', /windows\[0\]\.gap is for sessions, and the window is tumbling/],
    ['{type: session}', /windows\[0\]\.gap is missing/],
    ['{type: session, gap: 1m, size: 5m}', /windows\[0\]\.size is not for a session/],
    ['{type: hopping, size: 1h}', /windows\[0\]\.advance is missing/],
    ['{type: hopping, size: 1h, advance: 1s}', /each value into 3600 windows.* at most 1440 .* at least 2s500ms/],
    ['{type: hopping, size: 1h, advance: 3001ms}', /makes 3600000 slices/],
    ['{type: count, size: 5m}', /windows\[0\]\.size wants a number of values such as 100, got "5m"/],
    ['{size: 100}', /windows\[0\]\.size wants a unit/],
    ['{name: w}', /windows\[0\]\.size is missing/],
    ['{size: 1h, advance: 1m, emit_every: 10s}', /emit_every is not for hopping windows: a smaller advance/],
    ['{size: 1d, timezone: Europe/Berlyn}', /timezone wants a name such as Europe\/Berlin, got "Europe\/Berlyn"/],
    ['{size: 1h, timezone: Europe/Berlin}', /timezone is for tumbling windows of whole days/],
    ['{size: 1h, offset: 1h}', /offset is 1h, and must be less than the size/],
    ['{gap: 1m, offset: 1s}', /offset is not for session windows/],
    ['{size: 1.5ms}', /size must be whole milliseconds, got 1.5ms/],
    ['{size: 1m, aggregates: [p100]}', /got "p100"/],
    ['{size: 1m, aggregates: [p0]}', /got "p0"/],
  ] as const) {
    const { problems } = await load({ 'anomaly.yaml': `source: {topics: [a]}\nwindows: [${item}]\n` });
    assert.match(problems.map((each) => `${each.key} ${each.message}`).join('\n'), message);
  }
});

test('what belongs to later versions is refused by name, not ignored', async () => {
  const settings = await load({
    'anomaly.yaml': `source: {topics: [a], isolation: read_uncommitted}
features: [{name: m, rolling: 1h, of: value, group_by: site}]
score: {detector: model}
windows: [{size: 5m, type: sliding}]
`,
  });
  assert.deepEqual(
    settings.problems.map(({ key, later }) => [key, later]),
    [
      ['source.isolation', true],
      ['features[0].group_by', true],
      ['score.detector', true],
      ['windows[0].type', true],
    ],
  );
  assert.equal(problemError(settings.problems).code, 'ANM_UNSUPPORTED');
});

test('a file that is no YAML names the line', async () => {
  const settings = await load({ 'anomaly.yaml': 'source:\n  topics: [a\nx: }\n' });
  assert.ok(settings.problems.length > 0);
  assert.match(settings.problems[0]!.place, /^anomaly\.yaml:\d+$/);
});

test('a named file must be there', async () => {
  await assert.rejects(load({}, { config: 'other.yaml' }), { code: 'ANM_CONFIG', message: /other\.yaml/ });
});

test('unknown keys of -X get a suggestion', async () => {
  const settings = await load({}, { extras: ['broker=x', 'client', 'joins=x'] });
  assert.deepEqual(
    settings.problems.map(({ place, message }) => `${place} ${message}`),
    [
      '-X broker is no key; did you mean brokers?',
      '-X client wants a value: -X key=value',
      '-X joins is not known yet, as this version has no joins',
    ],
  );
});

test('security of all three services: by rpk profile, by RPK_*, by -X under the names of rpk', async () => {
  const tls = (name: string) =>
    `{enabled: true, insecure_skip_verify: true, ca_file: /${name}-ca, cert_file: /${name}-cert, key_file: /${name}-key}`;
  const profile = `version: 7
current_profile: prod
profiles:
  - name: prod
    kafka_api: {brokers: [b:9092], tls: ${tls('kafka')}, sasl: {user: u, password: p, mechanism: PLAIN}}
    admin_api: {addresses: [a:9644], tls: ${tls('admin')}}
    schema_registry: {addresses: [r:8081], tls: {truststore_file: /old-name}}
`;
  const keys = (section: string) =>
    ['enabled', 'insecure_skip_verify', 'ca', 'cert', 'key'].map((name) => `${section}.${name}`);
  const all = [...keys('tls'), ...keys('admin.tls'), ...keys('registry.tls'), 'sasl.user', 'sasl.mechanism'];
  const valuesOf = async (files: Record<string, string>, input: Partial<SettingsInput>) => {
    const settings = await load(files, input);
    assert.deepEqual(settings.problems, []);
    return all.map((key) => [settings.get(key), settings.origin(key).origin]);
  };
  const expected = (origin: string, registryCa = '/registry-ca'): unknown[][] => [
    ...['kafka', 'admin', 'registry'].flatMap((name) => [
      [true, origin],
      [true, origin],
      [name === 'registry' ? registryCa : `/${name}-ca`, origin],
      [`/${name}-cert`, origin],
      [`/${name}-key`, origin],
    ]),
    ['u', origin],
    ['PLAIN', origin],
  ];
  const fromProfile = await valuesOf({ '.config/rpk/rpk.yaml': profile }, {});
  const registryOnlyCa = expected('rpk profile', '/old-name');
  registryOnlyCa.splice(
    10,
    5,
    [true, 'rpk profile'],
    [false, 'default'],
    ['/old-name', 'rpk profile'],
    ...[13, 14].map(() => [undefined, 'default']),
  );
  assert.deepEqual(fromProfile, registryOnlyCa);
  const env: Record<string, string> = { RPK_USER: 'u', RPK_SASL_MECHANISM: 'plain' };
  const extras = ['user=u', 'sasl.mechanism=PLAIN'];
  for (const [name, prefix, key] of [
    ['kafka', 'RPK_TLS', 'tls'],
    ['admin', 'RPK_ADMIN_TLS', 'admin.tls'],
    ['registry', 'RPK_REGISTRY_TLS', 'registry.tls'],
  ] as const) {
    for (const suffix of ['CA', 'CERT', 'KEY']) {
      env[`${prefix}_${suffix}`] = `/${name}-${suffix.toLowerCase()}`;
      extras.push(`${key}.${suffix.toLowerCase()}=/${name}-${suffix.toLowerCase()}`);
    }
    for (const suffix of ['ENABLED', 'INSECURE_SKIP_VERIFY']) {
      env[`${prefix}_${suffix}`] = 'true';
      extras.push(`${key}.${suffix.toLowerCase()}=true`);
    }
  }
  assert.deepEqual(await valuesOf({}, { env }), expected('environment'));
  assert.deepEqual(await valuesOf({}, { extras }), expected('flag'));
});

test('the names of rpk for timeouts work with -X', async () => {
  const extras = ['globals.dial_timeout=1s', 'globals.request_timeout_overhead=2s', 'globals.retry_timeout=3s'];
  const settings = await load({}, { extras });
  assert.deepEqual(
    ['dial_timeout', 'request_timeout', 'retry_timeout'].map((key) => settings.get(key)),
    [1000, 2000, 3000],
  );
});
