import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HttpServer } from '../../src/broker/httpServer.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import { createRegistry } from '../../src/clients/registry.ts';
import { runCli } from '../helpers/cli.ts';

const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'Reading', fields });
const READING = record({ name: 'value', type: 'double' });
const WITHOUT_DEFAULT = record({ name: 'value', type: 'double' }, { name: 'site', type: 'string' });

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
    const shown = { subject: 'sensors-value', id: 1, version: 1, type: 'AVRO', schema };
    assert.deepEqual(await data('show sensors-value'), shown);
    assert.equal((await run('show sensors-value')).stdout, `${JSON.stringify(schema, null, 2)}\n`);
    assert.deepEqual(await data('show 1'), { id: 1, type: 'AVRO', schema });
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

  it('tells what is wrong with the input', async () => {
    await refused('ANM_FILE', 5, 'register x-value none.avsc');
    await refused('ANM_SCHEMA_INVALID', 5, 'check x-value broken.avsc');
    await refused('ANM_SCHEMA_UNKNOWN', 5, 'show x-value');
    await refused('ANM_SCHEMA_UNKNOWN', 5, 'show 77');
    await refused('ANM_USAGE', 2, 'show 1 --version 2');
  });
});
