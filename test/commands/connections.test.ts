import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminOptions, clientOptions, registryOptions } from '../../src/commands/connections.ts';
import { loadSettings } from '../../src/config/load.ts';
import { certificate, certificateWithKey } from '../helpers/certificates/files.ts';
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
  const files = { 'ca.pem': certificate('ca') };
  const { settings, cwd } = await settingsOf(t, ['tls.ca=ca.pem'], files);
  assert.deepEqual(clientOptions(settings, cwd).tls, { ca: certificate('ca'), insecureSkipVerify: false });
  const off = await settingsOf(t, ['tls.ca=ca.pem', 'tls.enabled=false'], files);
  assert.equal(clientOptions(off.settings, off.cwd).tls, undefined);
  const missing = await settingsOf(t, ['tls.ca=nowhere.pem']);
  assert.throws(() => clientOptions(missing.settings, missing.cwd), {
    code: 'ANM_CONFIG',
    message: /nowhere\.pem.*tls\.ca/,
  });
});

test('a file that is no certificate, a key without its certificate, a key of another: the file is named', async (t) => {
  const client = certificateWithKey('client');
  const files = {
    'text.pem': 'PEM',
    'c.crt': client.cert,
    'c.key': client.key,
    'other.key': certificateWithKey('stranger').key,
  };
  const wrong: [string[], RegExp][] = [
    [['tls.ca=text.pem'], /text\.pem \(tls\.ca\) as it is no certificate in PEM/],
    [['tls.cert=c.crt'], /tls\.cert is set without tls\.key/],
    [['tls.key=c.key'], /tls\.key is set without tls\.cert/],
    [['tls.cert=c.crt', 'tls.key=other.key'], /other\.key \(tls\.key\) as it is not the key of c\.crt/],
    [['tls.cert=c.crt', 'tls.key=text.pem'], /text\.pem \(tls\.key\) as it is no private key in PEM/],
  ];
  for (const [extras, message] of wrong) {
    const { settings, cwd } = await settingsOf(t, extras, files);
    assert.throws(() => clientOptions(settings, cwd), { code: 'ANM_CONFIG', message });
  }
  const { settings, cwd } = await settingsOf(t, ['tls.cert=c.crt', 'tls.key=c.key', 'tls.server_name=b'], files);
  assert.deepEqual(clientOptions(settings, cwd).tls, { ...client, serverName: 'b', insecureSkipVerify: false });
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
  const oauth = clientOptions(token.settings).sasl;
  assert.equal(oauth?.mechanism, 'OAUTHBEARER');
  assert.equal(oauth?.token?.(), 'abc');
  // A token that was renewed in its file is the one that the next login takes.
  writeFileSync(join(token.cwd, 'token'), 'def\n');
  assert.equal(oauth?.token?.(), 'def');
  assert.equal(registryOptions(token.settings).token?.(), 'def');
  const none = await settingsOf(t, ['sasl.mechanism=OAUTHBEARER']);
  assert.throws(() => clientOptions(none.settings), { code: 'ANM_CONFIG', message: /needs a token/ });
  const missing = await settingsOf(t, ['user=me']);
  assert.throws(() => clientOptions(missing.settings), { code: 'ANM_CONFIG', message: /sasl\.password is not set/ });
});

test('registry and Admin API: https, their own files or those of the brokers, their own user or that of the brokers', async (t) => {
  const files = { 'ca.pem': certificate('ca'), 'other.pem': certificate('other-ca'), p: 'q' };
  const plain = await settingsOf(t, ['registry.tls.enabled=true', 'registry.urls=a:8081,http://b:8081']);
  assert.deepEqual(registryOptions(plain.settings).urls, ['https://a:8081', 'http://b:8081']);
  assert.equal(registryOptions(plain.settings).tls?.ca, undefined);
  const shared = await settingsOf(t, ['tls.ca=ca.pem', 'registry.urls=https://a:8081', 'admin.hosts=c:9644'], files);
  assert.equal(registryOptions(shared.settings, shared.cwd).tls?.ca, certificate('ca'));
  assert.deepEqual(adminOptions(shared.settings, shared.cwd), { urls: ['http://c:9644'], timeoutMs: 10_000 });
  const own = await settingsOf(
    t,
    ['tls.ca=ca.pem', 'admin.tls.ca=other.pem', 'user=me', 'pass=env:PASS', 'admin.user=root', 'admin.password=file:p'],
    files,
  );
  assert.deepEqual(adminOptions(own.settings, own.cwd), {
    urls: ['https://localhost:9644'],
    timeoutMs: 10_000,
    tls: { ca: certificate('other-ca'), insecureSkipVerify: false },
    username: 'root',
    password: 'q',
  });
  // Not to check is said for each service: a broker's word does not count for the others.
  const skip = await settingsOf(t, ['tls.insecure_skip_verify=true', 'tls.enabled=true', 'registry.urls=https://a']);
  assert.equal(clientOptions(skip.settings).tls?.insecureSkipVerify, true);
  assert.equal(registryOptions(skip.settings).tls?.insecureSkipVerify, false);
});
