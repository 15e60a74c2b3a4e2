import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { clientOptions, registryOptions } from '../../src/commands/connections.ts';
import { loadSettings } from '../../src/config/load.ts';
import { temporaryFiles } from '../helpers/files.ts';

async function settingsOf(t: TestContext, extras: readonly string[], files: Record<string, string> = {}) {
  const directory = temporaryFiles(files);
  t.after(directory.remove);
  const env = { HOME: directory.path, PASS: 'secret' };
  const settings = await loadSettings({ flags: [], extras, env, cwd: directory.path });
  assert.deepEqual(settings.problems, []);
  return { settings, cwd: directory.path };
}

test('without TLS and SASL there is neither', async (t) => {
  const { settings } = await settingsOf(t, ['brokers=a:1,b:2']);
  assert.deepEqual(clientOptions(settings), {
    client: 'auto',
    brokers: ['a:1', 'b:2'],
    clientId: 'anomaly',
    dialTimeoutMs: 3000,
    requestTimeoutMs: 10_000,
    retryTimeoutMs: 30_000,
  });
  assert.deepEqual(registryOptions(settings), { urls: ['http://localhost:8081'], timeoutMs: 10_000 });
});

test('certificates mean TLS, unless it is switched off', async (t) => {
  const { settings, cwd } = await settingsOf(t, ['tls.ca=ca.pem'], { 'ca.pem': 'PEM' });
  assert.deepEqual(clientOptions(settings, cwd).tls, { ca: 'PEM', insecureSkipVerify: false });
  const off = await settingsOf(t, ['tls.ca=ca.pem', 'tls.enabled=false'], { 'ca.pem': 'PEM' });
  assert.equal(clientOptions(off.settings, off.cwd).tls, undefined);
  const missing = await settingsOf(t, ['tls.ca=nowhere.pem']);
  assert.throws(() => clientOptions(missing.settings, missing.cwd), {
    code: 'ANM_CONFIG',
    message: /nowhere\.pem.*tls\.ca/,
  });
});

test('SASL: a user means SCRAM-SHA-256, OAUTHBEARER takes a token, a missing password is named', async (t) => {
  const user = await settingsOf(t, ['user=me', 'pass=env:PASS']);
  assert.deepEqual(clientOptions(user.settings).sasl, {
    mechanism: 'SCRAM-SHA-256',
    username: 'me',
    password: 'secret',
  });
  // The registry takes the same user, unless it has its own.
  assert.equal(registryOptions(user.settings).username, 'me');
  assert.equal(registryOptions(user.settings).password, 'secret');
  const own = await settingsOf(t, ['user=me', 'pass=env:PASS', 'registry.user=other', 'registry.password=file:p'], {
    p: 'q\n',
  });
  assert.deepEqual(registryOptions(own.settings), {
    urls: ['http://localhost:8081'],
    timeoutMs: 10_000,
    username: 'other',
    // The file is read when asked for, from the directory of the command.
    password: 'q',
  });
  const token = await settingsOf(t, ['sasl.mechanism=oauthbearer', 'pass=file:token'], { token: 'token:abc' });
  assert.deepEqual(clientOptions(token.settings).sasl, { mechanism: 'OAUTHBEARER', token: 'abc' });
  const missing = await settingsOf(t, ['user=me']);
  assert.throws(() => clientOptions(missing.settings), { code: 'ANM_CONFIG', message: /sasl\.password is not set/ });
});

test('a registry behind TLS', async (t) => {
  const { settings } = await settingsOf(t, ['registry.tls.enabled=true', 'registry.urls=a:8081,http://b:8081']);
  assert.deepEqual(registryOptions(settings).urls, ['https://a:8081', 'http://b:8081']);
});
