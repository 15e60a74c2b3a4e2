import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type RegistryServer, startRegistry } from '../../../src/broker/registry.ts';
import { registryCalls } from '../helpers/registryCalls.ts';

const SITE = { type: 'record', name: 'plant.Site', fields: [{ name: 'code', type: 'string' }] };
const siteRef = (subject: string, version = 1) => ({ name: 'plant.Site', subject, version });
const pump = (...more: object[]) => ({
  type: 'record',
  name: 'plant.Pump',
  fields: [{ name: 'site', type: 'plant.Site' }, ...more],
});

describe('references between subjects', () => {
  let server: RegistryServer;
  let subject = '';
  let count = 0;
  const { call, refused, register, check, versions } = registryCalls(() => server.url);
  before(async () => {
    server = await startRegistry({ port: 0 });
  });
  after(() => server.close());
  beforeEach(async () => {
    subject = `pump-${++count}`;
    // Another schema each time, as equal ones would share an id.
    await register(`${subject}-site`, { ...SITE, doc: subject });
  });
  const references = () => [siteRef(`${subject}-site`)];

  it('reads types of other subjects, and gives the references back', async () => {
    const { id } = (await register(subject, pump(), { references: references() })).body;
    assert.deepEqual((await call('GET', `/schemas/ids/${id}`)).body, {
      schema: JSON.stringify({ type: 'record', name: 'Pump', namespace: 'plant', fields: pump().fields }),
      references: references(),
    });
    assert.deepEqual((await call('GET', `${versions(subject)}/1`)).body.references, references());
    assert.equal((await register(subject, pump(), { references: references() })).body.id, id);
    const found = await call('POST', `/subjects/${subject}`, {
      schema: JSON.stringify(pump()),
      references: references(),
    });
    assert.equal(found.body.version, 1);
    assert.deepEqual((await call('GET', `${versions(`${subject}-site`)}/1/referencedby`)).body, [id]);
    assert.deepEqual((await call('GET', `${versions(subject)}/1/referencedby`)).body, []);
  });

  it('compares through them', async () => {
    await register(subject, pump(), { references: references() });
    const compatible = pump({ name: 'value', type: 'double', default: 0 });
    assert.deepEqual((await check(subject, compatible, { references: references() })).body.is_compatible, true);
    await call('PUT', `/config/${subject}-site`, { compatibility: 'NONE' });
    const wider = { ...SITE, fields: [...SITE.fields, { name: 'country', type: 'string' }] };
    await register(`${subject}-site`, wider);
    const { body } = await check(subject, pump(), { references: [siteRef(`${subject}-site`, 2)] });
    assert.equal(body.is_compatible, false);
    assert.match(
      body.messages[0],
      /READER_FIELD_MISSING_DEFAULT_VALUE.*field 'site\.country'.*\/fields\/0\/type\/fields\/1/,
    );
  });

  it('follows references of references', async () => {
    await register(subject, pump(), { references: references() });
    const plant = {
      type: 'record',
      name: 'plant.Plant',
      fields: [{ name: 'pumps', type: { type: 'array', items: 'plant.Pump' } }],
    };
    const pumpRef = { name: 'plant.Pump', subject, version: 1 };
    assert.equal((await register(`${subject}-plant`, plant, { references: [pumpRef] })).status, 200);
    // The type of the one behind is known as well, under one definition however often it is named.
    const both = { ...plant, fields: [...plant.fields, { name: 'home', type: 'plant.Site' }] };
    const twice = [...references(), pumpRef];
    assert.equal((await register(`${subject}-both`, both, { references: twice })).status, 200);
  });

  it('refuses what leads nowhere', async () => {
    assert.match(
      await refused(422, 'POST', versions(subject), { schema: JSON.stringify(pump()) }),
      /'plant\.Site' is not defined/,
    );
    const missing = { schema: JSON.stringify(pump()), references: [siteRef('nobody', 3)] };
    assert.match(await refused(42201, 'POST', versions(subject), missing), /subject "nobody" and version 3/);
    for (const broken of [{}, [{ name: 'a' }], [siteRef('a', 0)], [null]]) {
      await refused(422, 'POST', versions(subject), { schema: JSON.stringify(pump()), references: broken });
    }
    const inContext = { schema: JSON.stringify(pump()), references: [siteRef(':.other:site')] };
    assert.match(await refused(422, 'POST', versions(subject), inContext), /names a context/);
  });

  it('deletes nothing that a live version refers to', async () => {
    await register(subject, pump(), { references: references() });
    const site = `${subject}-site`;
    assert.match(
      await refused(42206, 'DELETE', `${versions(site)}/1`),
      /keytype=SCHEMA,subject=pump-\d+-site,version=1/,
    );
    await refused(42206, 'DELETE', `/subjects/${site}`);
    await call('DELETE', `${versions(subject)}/1`);
    assert.deepEqual((await call('GET', `${versions(site)}/1/referencedby`)).body, []);
    assert.equal((await call('DELETE', `/subjects/${site}`)).status, 200);
    const gone = { schema: JSON.stringify(pump({ name: 'x', type: 'int' })), references: references() };
    await refused(42201, 'POST', versions(`${subject}-new`), gone);
  });

  it('ends on references that IMPORT mode made go round', async () => {
    await call('PUT', `/mode/${subject}?force=true`, { mode: 'IMPORT' });
    const own = (version: number) => [{ name: 'plant.Site', subject, version }];
    await register(subject, { ...SITE, doc: `${subject} round` }, { id: 7000 + count, version: 1 });
    const one = { schema: JSON.stringify(pump()), id: 8000 + count, version: 2, references: own(1) };
    assert.equal((await call('POST', versions(subject), one)).status, 200);
    const round = { schema: JSON.stringify(pump()), id: 9000 + count, version: 1, references: own(2) };
    const { status } = await call('POST', versions(subject), round);
    assert.ok(status === 200 || status === 422, String(status));
    const next = await call('POST', versions(subject), { ...one, version: 3, references: own(1), id: 9500 + count });
    assert.ok(next.status === 422 || next.status === 200, JSON.stringify(next));
  });
});
