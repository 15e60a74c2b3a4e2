import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HttpServer } from '../../src/broker/httpServer.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import { runCli } from '../helpers/cli.ts';

const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'Reading', fields });
const READING = record({ name: 'value', type: 'double' });
const WITHOUT_DEFAULT = record({ name: 'value', type: 'double' }, { name: 'site', type: 'string' });

const pump = (...more: object[]) =>
  JSON.stringify({ type: 'record', name: 'Pump', fields: [{ name: 'reading', type: 'Reading' }, ...more] });

describe('anomaly schema', () => {
  let server: HttpServer;
  let cwd: string;
  before(async () => {
    server = await startRegistry({ port: 0 });
    cwd = await mkdtemp(join(tmpdir(), 'anomaly-schema-'));
    await writeFile(join(cwd, 'reading.avsc'), READING);
    await writeFile(join(cwd, 'site.avsc'), WITHOUT_DEFAULT);
    await writeFile(join(cwd, 'broken.avsc'), '{"type":"record","name":"R"}');
  });
  after(async () => {
    await server.close();
    await rm(cwd, { recursive: true });
  });

  const run = (argv: string, stdin = '') =>
    runCli(`schema ${argv}`.split(' '), { cwd, stdin, env: { ANOMALY_REGISTRY_URLS: server.url } });

  async function data(argv: string, stdin = ''): Promise<unknown> {
    const { code, stdout, stderr } = await run(`${argv} -o json`, stdin);
    assert.equal(code, 0, stderr);
    const { schema_version: _, ...rest } = JSON.parse(stdout);
    return rest;
  }

  async function refused(code: string, exit: number, argv: string) {
    const ended = await run(`${argv} -o json`);
    assert.equal(ended.code, exit, ended.stderr);
    const { error } = JSON.parse(ended.stderr);
    assert.equal(error.code, code);
    return error as { message: string; details: Record<string, unknown> };
  }

  it('registers, lists, shows and checks', async () => {
    assert.deepEqual(await data('register sensors-value reading.avsc'), {
      subject: 'sensors-value',
      id: 1,
      version: 1,
    });
    assert.equal((await run('register sensors-value reading.avsc')).stdout, 'sensors-value: version 1, id 1\n');
    assert.deepEqual(await data('ls'), {
      subjects: [{ subject: 'sensors-value', versions: [1], latest_id: 1, type: 'AVRO', compatibility: 'BACKWARD' }],
    });
    const schema = JSON.parse(READING);
    const shown = { subject: 'sensors-value', id: 1, version: 1, type: 'AVRO', references: [], schema };
    assert.deepEqual(await data('show sensors-value'), shown);
    assert.equal((await run('show sensors-value')).stdout, `${JSON.stringify(schema, null, 2)}\n`);
    assert.deepEqual(await data('show 1'), { id: 1, type: 'AVRO', references: [], schema });
    assert.deepEqual(await data('show sensors-value --version 1'), shown);
    assert.match((await run('check sensors-value reading.avsc')).stdout, /^compatible: .*BACKWARD/);
  });

  it('reads a schema from stdin', async () => {
    assert.deepEqual(await data('register piped-value -', READING), { subject: 'piped-value', id: 1, version: 1 });
  });

  it('exits 5 with field and rule, and registers nothing', async () => {
    await data('register strict-value reading.avsc');
    const error = await refused('ANM_SCHEMA_INCOMPATIBLE', 5, 'check strict-value site.avsc');
    assert.match(error.message, /field 'site'.*READER_FIELD_MISSING_DEFAULT_VALUE/);
    assert.equal(error.details['compatible'], false);
    await refused('ANM_SCHEMA_INCOMPATIBLE', 5, 'register strict-value site.avsc');
    assert.deepEqual(await createRegistry({ urls: [server.url] }).versions('strict-value'), [1]);
  });

  it('works with references, and names path, rule, level and version', async () => {
    await data('register site-value site.avsc');
    await writeFile(join(cwd, 'pump.avsc'), pump());
    await writeFile(join(cwd, 'wide.avsc'), pump({ name: 'flow', type: 'float' }));
    const reference = '--references Reading:site-value:1';
    const { id } = (await data(`register pump-value pump.avsc ${reference}`)) as { id: number };
    const shown = (await data(`show ${id}`)) as { references: unknown };
    assert.deepEqual(shown.references, [{ name: 'Reading', subject: 'site-value', version: 1 }]);
    assert.match((await run(`check pump-value pump.avsc ${reference}`)).stdout, /BACKWARD, version 1/);
    const error = await refused('ANM_SCHEMA_INCOMPATIBLE', 5, `check pump-value wide.avsc ${reference}`);
    assert.match(
      error.message,
      /field 'flow'.*\(READER_FIELD_MISSING_DEFAULT_VALUE at \/fields\/1\), BACKWARD against version 1/,
    );
    await refused('ANM_SCHEMA_INVALID', 5, 'check pump-value pump.avsc');
    await refused('ANM_SCHEMA_UNKNOWN', 5, 'check pump-value pump.avsc --references Reading:none:1');
    await refused('ANM_USAGE', 2, 'check pump-value pump.avsc --references Reading');
  });

  it('tells types by extension or by --type, and says what cannot be compared', async () => {
    await writeFile(join(cwd, 'closed.json'), '{"type":"object","additionalProperties":false}');
    await writeFile(
      join(cwd, 'unsure.json'),
      '{"type":"object","additionalProperties":false,"not":{"required":["x"]}}',
    );
    await writeFile(join(cwd, 'pump.proto'), 'syntax = "proto3"; message Pump { int32 id = 1; }');
    await data('register doc-value closed.json');
    const shown = (await data('show doc-value')) as { type: string };
    assert.equal(shown.type, 'JSON');
    const error = await refused('ANM_SCHEMA_UNSUPPORTED', 5, 'check doc-value unsure.json');
    assert.match(error.message, /cannot compare the new schema with version 1 at #\/not/);
    await data('register proto-value pump.proto');
    assert.equal((await run('show proto-value')).stdout.trim(), 'syntax = "proto3"; message Pump { int32 id = 1; }');
    await refused('ANM_SCHEMA_INVALID', 5, 'check doc-value pump.proto --type json');
    await refused('ANM_SCHEMA_INCOMPATIBLE', 5, 'check doc-value pump.proto');
    await fetch(`${server.url}/config/proto-value`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"compatibility":"NONE"}',
    });
    assert.match((await run('check proto-value pump.proto')).stdout, /takes any schema \(NONE\), nothing was compared/);
  });

  it('shows what is deleted softly when asked to', async () => {
    await data('register old-value reading.avsc');
    await fetch(`${server.url}/subjects/old-value`, { method: 'DELETE' });
    await refused('ANM_SCHEMA_UNKNOWN', 5, 'show old-value');
    assert.equal(((await data('show old-value --deleted')) as { version: number }).version, 1);
    const listed = async (flag: string) =>
      ((await data(`ls${flag}`)) as { subjects: { subject: string }[] }).subjects.find(
        (each) => each.subject === 'old-value',
      );
    assert.equal(await listed(''), undefined);
    assert.deepEqual(await listed(' --deleted'), {
      subject: 'old-value',
      versions: [],
      deleted_versions: [1],
      latest_id: 1,
      type: 'AVRO',
      compatibility: 'BACKWARD',
    });
    assert.match((await run('ls --deleted')).stdout, /^SUBJECT +VERSIONS +DELETED.*\n(.*\n)*old-value +- +1 /);
  });

  it('tells what is wrong with the input', async () => {
    await refused('ANM_FILE', 5, 'register x-value none.avsc');
    await refused('ANM_SCHEMA_INVALID', 5, 'check x-value broken.avsc');
    await refused('ANM_SCHEMA_UNKNOWN', 5, 'show x-value');
    await refused('ANM_SCHEMA_UNKNOWN', 5, 'show 77');
    await refused('ANM_USAGE', 2, 'show 1 --version 2');
  });
});
