import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { HttpServer } from '../../src/broker/httpServer.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import { createRegistry } from '../../src/clients/registry.ts';
import type { Command, CommandContext } from '../../src/commands/command.ts';
import { schemaCheck, schemaLs, schemaRegister, schemaShow } from '../../src/commands/schema.ts';
import type { Settings } from '../../src/config/settings.ts';
import { isAnomalyError } from '../../src/errors.ts';
import type { Output } from '../../src/output/output.ts';

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

  async function run(command: Command, args: string[], flags: object = {}, stdin = '') {
    const seen = { data: undefined as unknown, text: '' };
    const values: Record<string, unknown> = { 'registry.urls': [server.url], request_timeout: 5000 };
    const settings = {
      list: (key: string) => values[key],
      durationMs: (key: string) => values[key],
      optionalString: () => undefined,
    } as unknown as Settings;
    const output: Output = {
      format: 'json',
      color: false,
      table: async (_, rows, columns) => {
        seen.data = rows;
        seen.text = columns.map(({ header }) => header).join(' ');
      },
      document: async (value, text) => {
        seen.data = value;
        seen.text = text();
      },
      line: async () => assert.fail('no stream here'),
    };
    const context: CommandContext = {
      args,
      flags: { ...flags },
      settings,
      stdin: Readable.from([stdin]),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      output,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      signal: new AbortController().signal,
      now: () => 0,
      cwd,
      env: {},
      progress: { update() {}, end() {}, clear() {} },
      interactive: false,
      quiet: false,
    };
    return { code: await command.run(context), ...seen };
  }

  async function refused(code: string, exit: number, command: Command, args: string[], flags: object = {}) {
    try {
      await run(command, args, flags);
    } catch (error) {
      assert.ok(isAnomalyError(error), String(error));
      assert.deepEqual([error.code, error.exitCode], [code, exit], error.message);
      return error;
    }
    return assert.fail('it was accepted');
  }

  it('registers, lists, shows and checks', async () => {
    const registered = await run(schemaRegister, ['sensors-value', 'reading.avsc']);
    assert.deepEqual(registered.data, { subject: 'sensors-value', id: 1, version: 1 });
    assert.equal(registered.text, 'sensors-value: version 1, id 1\n');
    const listed = await run(schemaLs, []);
    assert.deepEqual(listed.data, [
      { subject: 'sensors-value', versions: [1], latest_id: 1, type: 'AVRO', compatibility: 'BACKWARD' },
    ]);
    const shown = await run(schemaShow, ['sensors-value']);
    const schema = JSON.parse(READING);
    assert.deepEqual(shown.data, { subject: 'sensors-value', id: 1, version: 1, type: 'AVRO', schema });
    assert.equal(shown.text, `${JSON.stringify(schema, null, 2)}\n`);
    assert.deepEqual((await run(schemaShow, ['1'])).data, { id: 1, type: 'AVRO', schema });
    assert.deepEqual((await run(schemaShow, ['sensors-value'], { version: 1 })).data, shown.data);
    assert.match((await run(schemaCheck, ['sensors-value', 'reading.avsc'])).text, /^compatible: .*BACKWARD/);
  });

  it('reads a schema from stdin', async () => {
    const { data } = await run(schemaRegister, ['piped-value', '-'], {}, READING);
    assert.deepEqual(data, { subject: 'piped-value', id: 1, version: 1 });
  });

  it('exits 5 with field and rule, and registers nothing', async () => {
    await run(schemaRegister, ['strict-value', 'reading.avsc']);
    const error = await refused('ANM_SCHEMA_INCOMPATIBLE', 5, schemaCheck, ['strict-value', 'site.avsc']);
    assert.match(error.message, /field 'site'.*READER_FIELD_MISSING_DEFAULT_VALUE/);
    assert.equal(error.details['compatible'], false);
    await refused('ANM_SCHEMA_INCOMPATIBLE', 5, schemaRegister, ['strict-value', 'site.avsc']);
    assert.deepEqual(await createRegistry({ urls: [server.url] }).versions('strict-value'), [1]);
  });

  it('tells what is wrong with the input', async () => {
    await refused('ANM_FILE', 5, schemaRegister, ['x-value', 'none.avsc']);
    await refused('ANM_SCHEMA_INVALID', 5, schemaCheck, ['x-value', 'broken.avsc']);
    await refused('ANM_SCHEMA_UNKNOWN', 5, schemaShow, ['x-value']);
    await refused('ANM_SCHEMA_UNKNOWN', 5, schemaShow, ['77']);
    await refused('ANM_USAGE', 2, schemaShow, ['1'], { version: 2 });
  });
});
