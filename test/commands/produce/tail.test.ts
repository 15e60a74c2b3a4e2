import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import avsc from 'avsc';
import { startWorld, type World } from '../../helpers/world.ts';

const FOREIGN = fileURLToPath(new URL('../../inputs/foreign', import.meta.url));
const lines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const expected = (name: string) => lines(readFileSync(`${FOREIGN}/${name}`, 'utf8'));
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Produces, and gives the values that `tail` prints. */
async function roundTrip(topic: string, ...args: string[]): Promise<unknown[]> {
  const produced = await world.run(['produce', ...args, '--topic', topic, '-o', 'json']);
  assert.equal(produced.code, 0, produced.stderr);
  assert.equal(JSON.parse(produced.stdout).rejected, 0);
  return await tail(topic);
}

async function tail(topic: string): Promise<unknown[]> {
  const { code, stdout, stderr } = await world.run(['tail', topic, '--offset', 'start', '-o', 'json']);
  assert.equal(code, 0, stderr);
  const rows = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  for (const row of rows) assert.equal(row.problem, undefined);
  return rows.map((row) => row.value);
}

for (const codec of ['none', 'snappy', 'gzip', 'zstd', 'lz4', 'brotli']) {
  test(`every type of a Parquet file of another program (${codec}) comes back from the topic`, async () => {
    const values = await roundTrip(`parquet-${codec}`, `${FOREIGN}/types.${codec}.parquet`, '--keyless');
    assert.deepEqual(values, expected('types.ndjson'));
  });
}

test('the times of old Parquet files (INT96) are nanoseconds; a row without its event time is bad', async () => {
  const { code, stdout } = await world.run(['produce', `${FOREIGN}/int96.parquet`, '--topic', 'int96', '-o', 'json']);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).rejected, 1);
  const rejects = readFileSync(`${world.dir}/int96.rejects.ndjson`, 'utf8');
  assert.deepEqual(JSON.parse(rejects), {
    ...{ file: `${FOREIGN}/int96.parquet`, line: 3, reason: 'null is no time', raw: '{"ns":null}' },
  });
  const wanted = expected('types.ndjson').filter(({ ns }) => ns !== null);
  assert.deepEqual(
    (await tail('int96')).map((value) => (value as { ns: unknown }).ns).sort(),
    wanted.map(({ ns }) => ns).sort(),
  );
});

test('Parquet as JSON spells its values by the same rules', async () => {
  const values = await roundTrip('parquet-json', `${FOREIGN}/types.none.parquet`, '--keyless', '--format', 'json');
  assert.deepEqual(values, expected('types.iso.ndjson'));
});

for (const codec of ['null', 'deflate', 'snappy', 'zstandard']) {
  test(`records of an Avro file (${codec}) come back, with the schema of the file as the topic's`, async () => {
    const values = await roundTrip(`avro-${codec}`, `${FOREIGN}/readings.${codec}.avro`);
    assert.deepEqual(values, expected('readings.ndjson'));
    const subject = await fetch(`${world.registryUrl}/subjects/avro-${codec}-value/versions/latest`);
    const { schema } = (await subject.json()) as { schema: string };
    assert.deepEqual(JSON.parse(schema), schemaInside(`${FOREIGN}/readings.${codec}.avro`));
    assert.match(schema, /"doc": ?"kept as well"/);
  });
}

/** The schema in the header of a container file, read by another reader. */
function schemaInside(path: string): unknown {
  const header = avsc.extractFileHeader(path) as unknown as { meta: Record<string, unknown> };
  return header.meta['avro.schema'];
}
