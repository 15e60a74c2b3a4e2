import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { type RegistryServer, startRegistry } from '../../../src/broker/registry.ts';
import { avroRecord, registryCalls } from '../helpers/registryCalls.ts';

const LIMIT_BYTES = 1 << 20;
const TYPES = ['AVRO', 'JSON', 'PROTOBUF'];
const READING = avroRecord({ name: 'value', type: 'double' });

describe('hostile clients of the registry', () => {
  let server: RegistryServer;
  const { call, refused, register } = registryCalls(() => server.url);
  before(async () => {
    server = await startRegistry({ port: 0 });
    await register('good', READING);
    // Libraries are loaded, so that the figures below are of requests.
    await register('good-json', '{}', { schemaType: 'JSON' });
  });
  after(async () => {
    await healthy();
    await server.close();
  });

  async function healthy(): Promise<void> {
    const { body } = await call('GET', '/subjects/good/versions/latest');
    assert.deepEqual(body, { subject: 'good', version: 1, id: 1, schema: READING });
  }

  it('tells what is wrong with any body, and never fails itself', async () => {
    const fresh = Array.from({ length: 40 }, (_, i) => `/subjects/fuzz-${i}/versions`);
    const paths = [...fresh, '/subjects/good', '/compatibility/subjects/good/versions/latest'];
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(bodies(), fc.constantFrom(...paths), async (body, path) => {
        const answer = await call('POST', path, body);
        if (answer.status === 200) accepted += 1;
        else {
          // 500 is what Redpanda answers to a look-up without a schema; nothing else may fail.
          const lookup = answer.body.message?.startsWith('Error while looking up schema') === true;
          assert.ok([404, 409, 413, 422].includes(answer.status) || lookup, `${JSON.stringify(answer)} to ${body}`);
          assert.equal(typeof answer.body.error_code, 'number');
        }
      }),
      { numRuns: 600, seed: 23 },
    );
    assert.ok(accepted > 20, `${accepted} accepted`);
    await healthy();
  });

  it('tells what is wrong with any settings, path and query', async () => {
    const part = fc.oneof(
      fc.constantFrom(
        'subjects',
        'versions',
        'config',
        'mode',
        'schemas',
        'ids',
        'good',
        'latest',
        '1',
        '-1',
        '0',
        '%',
      ),
      fc.constantFrom(':.x:a', ':.:', '..', '%00', '%ff', 'x'.repeat(5000), '99999999999', 'contexts', '%2F'),
    );
    const query = fc.constantFrom(
      '',
      '?deleted=true',
      '?permanent=maybe',
      '?subjectPrefix=%ff',
      '?force=true&x[]=1',
      '?&&=',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'PUT', 'POST', 'PATCH', 'HEAD'),
        fc.array(part, { maxLength: 6 }),
        query,
        fc.jsonValue({ maxDepth: 2 }),
        async (method, parts, search, body) => {
          // HEAD answers without a body.
          const path = `/${parts.join('/')}${search}`;
          const withBody = method === 'PUT' || method === 'POST';
          const isGlobal = withBody && (parts[0] === 'mode' || parts[0] === 'config');
          const answer = await call(method, path, withBody && !isGlobal ? body : withBody ? [] : undefined);
          const lookup = answer.body?.message?.startsWith('Error while looking up schema') === true;
          assert.ok(answer.status < 500 || lookup, `${method} ${path}: ${JSON.stringify(answer)}`);
        },
      ),
      { numRuns: 500, seed: 29 },
    );
    await healthy();
  });

  it('refuses huge bodies, huge schemas and deep ones, each by its limit', async () => {
    const path = '/subjects/huge/versions';
    assert.match(await refused(413, 'POST', path, { schema: ' '.repeat(LIMIT_BYTES) }), /larger than 1048576 bytes/);
    const long = JSON.stringify({ type: 'string', doc: 'x'.repeat(300_000) });
    assert.match(await refused(413, 'POST', path, { schema: long }), /more than the 262144 allowed/);
    assert.match(await refused(422, 'POST', path, `${'['.repeat(100_000)}${']'.repeat(100_000)}`), /body is nested/);
    const nested = (open: string, close: string, depth: number) =>
      open.repeat(depth) + '""'.slice(0, 0) + close.repeat(depth);
    const deep = {
      AVRO: `${'{"type":"array","items":'.repeat(5000)}"int"${'}'.repeat(5000)}`,
      JSON: `${'{"not":'.repeat(5000)}{}${'}'.repeat(5000)}`,
      PROTOBUF: `syntax = "proto3"; ${nested('message M {', '}', 5000)}`,
    };
    for (const [schemaType, schema] of Object.entries(deep)) {
      assert.match(await refused(422, 'POST', path, { schema, schemaType }), /nested more than \d+ deep/);
    }
    const values = `{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":${'['.repeat(900)}${']'.repeat(900)}}]}`;
    assert.match(await refused(422, 'POST', path, { schema: values }), /default of field 'a' is wrong/);
  });

  it('answers costly schemas within a bound, and others after them', async (t) => {
    const many = (count: number, make: (index: number) => unknown) => Array.from({ length: count }, (_, i) => make(i));
    const costly: [string, string][] = [
      ['AVRO', JSON.stringify(many(5000, (i) => ({ type: 'record', name: `R${i}`, fields: [] })))],
      ['JSON', JSON.stringify({ enum: many(20_000, (i) => ({ a: i })) })],
      ['JSON', JSON.stringify({ type: 'object', anyOf: many(4000, (i) => ({ minProperties: i })) })],
      [
        'PROTOBUF',
        `syntax = "proto3"; message M { ${many(9000, (i) => `int32 f${i} = ${i + 1};`)
          .join('')
          .replaceAll('= 19', '= 119')} }`,
      ],
      ['PROTOBUF', `syntax = "proto3"; option x = "${'\\"'.repeat(100_000)}`],
    ];
    for (const [index, [schemaType, schema]] of costly.entries()) {
      const started = process.cpuUsage();
      for (const version of [1, 2]) {
        const changed = version === 1 ? schema : schema.replace(/\d(?=\D*$)/, '8');
        const { status, body } = await register(`costly-${index}`, changed, { schemaType });
        assert.ok([200, 409, 422].includes(status), JSON.stringify(body).slice(0, 300));
        await healthy();
      }
      const { user, system } = process.cpuUsage(started);
      const tookMs = (user + system) / 1000;
      t.diagnostic(`${schemaType} ${index}: ${Math.round(tookMs)} ms of CPU`);
      // CPU of this process, as others may have the machine: 3 s at most, and minutes without bounds.
      assert.ok(tookMs < 20_000, `${schemaType} ${index} took ${tookMs} ms of CPU`);
    }
  });

  it('keeps nothing of bodies without end, and is there for others while many clients stall', async (t) => {
    const { rss } = process.memoryUsage();
    const sockets = await Promise.all(Array.from({ length: 200 }, () => open(t, server.port)));
    // Half a request each, of a body that is announced as large.
    for (const socket of sockets) {
      socket.write(
        `POST /subjects/slow/versions HTTP/1.1\r\nhost: a\r\ncontent-length: ${LIMIT_BYTES}\r\n\r\n{"schema":`,
      );
    }
    await healthy();
    const endless = await open(t, server.port);
    endless.write('POST /subjects/slow/versions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    let sent = 0;
    while (!endless.destroyed && sent < 2000) {
      sent += 1;
      if (!endless.write(chunk)) await drained(endless);
    }
    assert.ok(sent * chunk.length < 100 * LIMIT_BYTES, `${sent} chunks were taken`);
    await healthy();
    const grownBytes = process.memoryUsage().rss - rss;
    assert.ok(grownBytes < 300 * 1024 * 1024, `memory grew by ${grownBytes} bytes`);
  });

  it('closes what is no HTTP', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const socket = await open(t, server.port);
        socket.resume();
        const closed = once(socket, 'close');
        socket.end(bytes);
        await closed;
      }),
      { numRuns: 100, seed: 31 },
    );
    await healthy();
  });
});

async function open(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  // Being dropped is what some of these tests want.
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Resolves when there is room again, or nobody to write to. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve);
    socket.once('close', resolve);
  });
}

/** Bodies from plain noise to nearly good ones. */
function bodies(): fc.Arbitrary<string> {
  const schema = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
    fc.constantFrom('', ' ', 'null', '[]', '{"type":"strng"}', '{"type":7}'),
    fc.constantFrom(
      '"int"',
      '{}',
      '{"type":"int"}',
      '{"type":"string"}',
      'syntax = "proto3"; message M { int32 a = 1; }',
    ),
    fc.constantFrom(READING, '{"type":"object","properties":{"a":{"type":"string"}}}', 'syntax = "proto3";'),
    fc
      .record(
        {
          type: fc.constantFrom('record', 'enum', 'fixed', 'array', 'map', 'int', 'object', '__proto__', 'constructor'),
          name: fc.constantFrom('R', 'a.b.R', '', '.', 'int', '__proto__', 'toString'),
          fields: fc.array(
            fc.record(
              {
                name: fc.constantFrom('a', 'constructor', '__proto__', 'b'),
                type: fc.constantFrom<unknown>('int', 'R', ['null', 'R'], {}, [], 7),
              },
              { requiredKeys: [] },
            ),
            { maxLength: 3 },
          ),
          symbols: fc.array(fc.constantFrom<unknown>('A', 'B', '', 1), { maxLength: 3 }),
          size: fc.constantFrom<unknown>(1, 0, -1, 1e9, '4'),
          items: fc.constantFrom<unknown>('int', 'R', null, []),
          values: fc.constantFrom<unknown>('int', {}),
          properties: fc.constantFrom<unknown>({ a: {} }, { a: 1 }, [], { a: { $ref: '#' } }),
          default: fc.jsonValue({ maxDepth: 2 }),
          aliases: fc.constantFrom<unknown>(['x'], 'x', [1]),
          namespace: fc.constantFrom<unknown>('n.s', '', 5),
        },
        { requiredKeys: ['type'] },
      )
      .map((value) => JSON.stringify(value)),
    fc
      .array(
        fc.constantFrom(
          'message',
          'M',
          '{',
          '}',
          'int32',
          'a',
          '=',
          '1',
          ';',
          'oneof',
          'enum',
          '"',
          'map<',
          '>',
          'option',
          '(',
          ')',
          'syntax',
        ),
        { maxLength: 25 },
      )
      .map((words) => words.join(' ')),
  );
  // At most one member that is wrong, as else nothing would get past the first check.
  const wrong = fc.constantFrom<object>(
    { schemaType: 'avro' },
    { schemaType: 7 },
    { references: {} },
    { references: [{}] },
    { references: [{ name: 'R', subject: 'x', version: -1 }] },
    { metadata: [] },
    { metadata: { properties: { a: 1 } } },
    { id: 5 },
    { id: 1e10 },
    { version: {} },
    { ruleSet: {} },
    { schema: null },
    { schema: ['int'] },
  );
  const harmless = fc.constantFrom<object>(
    { references: null, metadata: null, id: -1, version: null },
    { references: [{ name: 'R', subject: 'good', version: 1 }] },
    { metadata: { properties: { a: 'b' } } },
    { version: 1 },
  );
  const request = fc
    .tuple(schema, fc.constantFrom(...TYPES), fc.oneof(fc.constant({}), fc.constant({}), harmless, wrong))
    .map(([given, schemaType, more]) => ({ schema: given, schemaType, ...more }));
  const text = request.map((value) => JSON.stringify(value));
  return fc.oneof(
    { weight: 6, arbitrary: text },
    { weight: 1, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.jsonValue().map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: fc.tuple(text, fc.nat()).map(([whole, at]) => whole.slice(0, at % (whole.length + 1))) },
  );
}
