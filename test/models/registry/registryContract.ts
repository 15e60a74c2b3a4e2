import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { ModelRegistry } from '../../../src/models/registry/modelRegistry.ts';
import type { NewVersion } from '../../../src/models/registry/modelVersion.ts';
import { rollbackAlias } from '../../../src/models/registry/rollback.ts';

export interface OpenedRegistry {
  /** Two clients of one place. */
  readonly registry: ModelRegistry;
  readonly other: ModelRegistry;
  /** The same name in each test would be the same model where the place is one for all tests. */
  readonly prefix: string;
  close(): Promise<void>;
}

export interface RegistryAbilities {
  /** Aliases are set by compare-and-set: of writers at the same time exactly one wins. */
  readonly isAtomic: boolean;
}

export const bytesOf = (text: string) => new TextEncoder().encode(text);
export const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export function newVersion(name: string, text = `model ${name}`): NewVersion {
  return { name, files: [{ path: 'model.onnx', bytes: bytesOf(text) }] };
}

/** What every registry promises. */
export function registryContract(
  title: string,
  open: () => Promise<OpenedRegistry>,
  { isAtomic }: RegistryAbilities,
): void {
  const withRegistry = (what: string, run: (opened: OpenedRegistry) => Promise<void>) =>
    test(`${title}: ${what}`, async () => {
      const opened = await open();
      try {
        await run(opened);
      } finally {
        await opened.close();
      }
    });

  withRegistry('what is not there is undefined, not an error', async ({ registry, prefix }) => {
    const name = `${prefix}none`;
    assert.equal(await registry.model(name), undefined);
    assert.deepEqual(await registry.versions(name), []);
    assert.equal(await registry.version(name, '1'), undefined);
    assert.equal(await registry.alias(name, 'champion'), undefined);
    assert.ok(!(await registry.models()).some((each) => each.name === name));
    await assert.rejects(registry.remove(name, '1'), { code: 'ANM_MODEL_UNKNOWN' });
  });

  withRegistry('a version is what was added, for another client too', async ({ registry, other, prefix }) => {
    const name = `${prefix}pump-lstm`;
    const bytes = bytesOf('some weights');
    const given: NewVersion = {
      name,
      files: [{ path: 'model.onnx', bytes }],
      signature: {
        inputs: [{ name: 'window', type: 'float32', shape: ['batch', 33, 1, null] }],
        outputs: [{ name: 'next', type: 'float32', shape: ['batch', 1] }],
      },
      spec: {
        kind: 'score',
        length: 32,
        channels: ['value', 'größe'],
        scaling: 'residual',
        input: 'window',
        output: 'next',
        direction: 'low',
        classIndex: 1,
      },
      training: {
        source: 'raw-sensors',
        from: '2026-01-01T00:00:00.000Z',
        to: '2026-02-01T00:00:00.000Z',
        windows: 77,
      },
      metrics: { f1: 0.875, 'val-loss': 1e-3 },
      description: 'the first, with "quotes" and\nlines',
      source: '/models/pump.onnx',
    };
    const added = await registry.add(given);
    assert.equal(added.version, '1');
    assert.equal(added.sha256, hashOf(bytes));
    assert.deepEqual(added.files, [{ path: 'model.onnx', bytes: bytes.length, sha256: hashOf(bytes) }]);
    const { files: _, ...rest } = given;
    for (const seen of [added, await other.version(name, '1'), (await other.versions(name))[0]]) {
      assert.deepEqual({ ...seen, ...rest }, seen);
      assert.equal(seen?.createdBy, 'ann@testbed');
      assert.ok(Math.abs(Date.parse(seen?.created ?? '') - Date.now()) < 60_000, seen?.created);
    }
    assert.deepEqual(await other.read(added, added.files[0]!), bytes);
    const second = await other.add(newVersion(name, 'other weights'));
    assert.equal(second.version, '2');
    assert.deepEqual(await registry.model(name), { name, versions: ['1', '2'], aliases: [] });
    const bare = await registry.version(name, '2');
    assert.deepEqual(
      [bare?.metrics, bare?.description, bare?.spec, bare?.signature],
      [{}, undefined, undefined, undefined],
    );
  });

  withRegistry('those who add at the same time get numbers of their own', async ({ registry, other, prefix }) => {
    const name = `${prefix}crowd`;
    await registry.add(newVersion(name, 'first'));
    const texts = Array.from({ length: 6 }, (_, i) => `model ${i}`);
    const added = await Promise.all(texts.map((text, i) => (i % 2 ? registry : other).add(newVersion(name, text))));
    assert.deepEqual(added.map(({ version }) => Number(version)).sort(), [2, 3, 4, 5, 6, 7]);
    for (const [i, version] of added.entries()) {
      const seen = await other.version(name, version.version);
      assert.deepEqual(await registry.read(seen!, seen!.files[0]!), bytesOf(texts[i]!));
    }
  });

  withRegistry('a model may have files beside it, and be large', async ({ registry, other, prefix }) => {
    const name = `${prefix}large`;
    const weights = new Uint8Array(20_000_003).map((_, i) => (i * 31) >> 4);
    const files = [
      { path: 'model.onnx', bytes: bytesOf('a graph') },
      { path: 'weights/model 1.onnx.data', bytes: weights },
    ];
    const added = await registry.add({ name, files });
    assert.equal(added.sha256, hashOf(Buffer.concat([files[0]!.bytes, weights])));
    const seen = await other.version(name, added.version);
    assert.equal(seen?.sha256, added.sha256);
    assert.deepEqual(seen?.files, added.files);
    assert.ok(Buffer.compare(await other.read(seen!, seen!.files[1]!), weights) === 0);
    for (const path of ['../up.onnx', '/root.onnx', '.hidden', 'a//b', 'a\\b']) {
      await assert.rejects(registry.add({ name, files: [{ path, bytes: weights }] }), { code: 'ANM_USAGE' });
    }
    assert.deepEqual((await other.model(name))?.versions, ['1']);
  });

  withRegistry('an alias is set, moved and taken away, and says by whom', async ({ registry, other, prefix }) => {
    const name = `${prefix}aliased`;
    for (const text of ['one', 'two']) await registry.add(newVersion(name, text));
    const set = await registry.setAlias({ name, alias: 'champion', version: '1', kind: 'promote', expect: null });
    assert.deepEqual([set.version, set.previous, set.by, set.kind], ['1', [], 'ann@testbed', 'promote']);
    assert.deepEqual(await other.alias(name, 'champion'), set);
    await other.setAlias({ name, alias: 'champion', version: '2', kind: 'promote', expect: '1' });
    const moved = await registry.alias(name, 'champion');
    assert.deepEqual([moved?.version, moved?.previous, moved?.by], ['2', ['1'], 'bob@elsewhere']);
    await registry.setAlias({ name, alias: 'challenger', version: '1', kind: 'promote' });
    assert.deepEqual((await other.model(name))?.aliases, [
      { alias: 'challenger', version: '1' },
      { alias: 'champion', version: '2' },
    ]);
    await registry.setAlias({ name, alias: 'champion', version: null, kind: 'remove' });
    assert.equal((await other.alias(name, 'champion'))?.version, null);
    assert.deepEqual((await other.model(name))?.aliases, [{ alias: 'challenger', version: '1' }]);
    await other.setAlias({ name, alias: 'champion', version: '1', kind: 'promote', expect: null });
    assert.equal((await registry.alias(name, 'champion'))?.version, '1');
    for (const alias of ['latest', 'v2', '3', 'a b', '']) {
      const change = { name, alias, version: '1', kind: 'promote' } as const;
      await assert.rejects(registry.setAlias(change), { code: 'ANM_USAGE' });
    }
  });

  withRegistry('a change that expected something else names both sides', async ({ registry, other, prefix }) => {
    const name = `${prefix}contested`;
    for (const text of ['one', 'two', 'three']) await registry.add(newVersion(name, text));
    await registry.setAlias({ name, alias: 'champion', version: '1', kind: 'promote' });
    await other.setAlias({ name, alias: 'champion', version: '2', kind: 'promote', expect: '1' });
    const stale = registry.setAlias({ name, alias: 'champion', version: '3', kind: 'promote', expect: '1' });
    await assert.rejects(stale, (error: Error & { code: string; details: Record<string, unknown> }) => {
      assert.equal(error.code, 'ANM_MODEL_CONFLICT');
      const wanted = `cannot set ${name}@champion to version 3 as it is version 2, set by bob@elsewhere at 2`;
      assert.ok(error.message.startsWith(wanted), error.message);
      assert.match(error.message, /, not version 1$/);
      assert.deepEqual([error.details['expected'], error.details['actual']], ['1', '2']);
      return true;
    });
    const none = registry.setAlias({ name, alias: 'champion', version: '3', kind: 'promote', expect: null });
    await assert.rejects(none, { code: 'ANM_MODEL_CONFLICT', message: /and none was expected$/ });
    const absent = registry.setAlias({ name, alias: 'canary', version: '3', kind: 'promote', expect: '1' });
    await assert.rejects(absent, { code: 'ANM_MODEL_CONFLICT', message: /there is no such alias, and version 1 was/ });
    const unknown = registry.setAlias({ name, alias: 'champion', version: '9', kind: 'promote' });
    await assert.rejects(unknown, { code: 'ANM_MODEL_UNKNOWN', message: /there is no version 9 of model/ });
    assert.equal((await registry.alias(name, 'champion'))?.version, '2');
  });

  withRegistry('rollbacks go back one after the other, over what was removed', async ({ registry, other, prefix }) => {
    const name = `${prefix}steps`;
    const alias = 'champion';
    for (const text of ['one', 'two', 'three', 'four']) await registry.add(newVersion(name, text));
    await assert.rejects(rollbackAlias(registry, name, alias), { code: 'ANM_MODEL_UNKNOWN', message: /has no alias/ });
    for (const version of ['1', '2', '3', '4']) await registry.setAlias({ name, alias, version, kind: 'promote' });
    assert.deepEqual((await rollbackAlias(other, name, alias)).state.version, '3');
    await other.remove(name, '2');
    const far = await rollbackAlias(registry, name, alias);
    assert.deepEqual([far.from, far.state.version, far.skipped], ['3', '1', ['2']]);
    await assert.rejects(rollbackAlias(registry, name, alias), { message: /as it was at no other version before 1$/ });
    await registry.setAlias({ name, alias, version: '4', kind: 'promote' });
    assert.equal((await rollbackAlias(other, name, alias)).state.version, '1');
  });

  withRegistry('a version goes unless an alias points at it, its number is not given again', async (opened) => {
    const { registry, other, prefix } = opened;
    const name = `${prefix}going`;
    for (const text of ['one', 'two', 'three']) await registry.add(newVersion(name, text));
    await registry.setAlias({ name, alias: 'champion', version: '2', kind: 'promote' });
    await assert.rejects(other.remove(name, '2'), { code: 'ANM_MODEL_IN_USE', message: /@champion points at it$/ });
    await other.remove(name, '3');
    assert.equal(await registry.version(name, '3'), undefined);
    await assert.rejects(registry.remove(name, '3'), { code: 'ANM_MODEL_UNKNOWN' });
    const again = registry.setAlias({ name, alias: 'champion', version: '3', kind: 'promote' });
    await assert.rejects(again, { code: 'ANM_MODEL_UNKNOWN' });
    assert.deepEqual((await registry.model(name))?.versions, ['1', '2']);
    assert.deepEqual(
      (await other.versions(name)).map(({ version }) => version),
      ['1', '2'],
    );
    assert.equal((await registry.add(newVersion(name, 'four'))).version, '4');
    const kept = await registry.version(name, '1');
    assert.deepEqual(await registry.read(kept!, kept!.files[0]!), bytesOf('one'));
  });

  withRegistry('names may have any letter but those of a URI', async ({ registry, other, prefix }) => {
    const names = ['pump room (1)+%2F', "größe & 'co'", '日本?x=1#y', '..a.b'].map((each) => prefix + each);
    for (const name of names) {
      const added = await registry.add(newVersion(name));
      await registry.setAlias({ name, alias: 'champion', version: '1', kind: 'promote' });
      assert.deepEqual(await other.read(added, added.files[0]!), bytesOf(`model ${name}`));
    }
    const listed = (await other.models()).filter((each) => names.includes(each.name));
    assert.deepEqual(
      listed,
      [...names].sort().map((name) => ({ name, versions: ['1'], aliases: [CHAMPION] })),
    );
    for (const name of ['a/b', 'a:b', 'a@b', '', '..', ' a', 'a\n']) {
      await assert.rejects(registry.add(newVersion(name)), { code: 'ANM_USAGE' });
    }
  });

  if (!isAtomic) return;
  withRegistry('of those who set an alias at the same time one wins', async ({ registry, other, prefix }) => {
    const name = `${prefix}race`;
    const alias = 'champion';
    for (let i = 0; i < 8; i++) await registry.add(newVersion(name, `model ${i}`));
    const versions = ['1', '2', '3', '4', '5', '6', '7', '8'];
    let expect: string | null = null;
    for (let round = 0; round < 5; round++) {
      const settled = await Promise.allSettled(
        versions.map((version, i) =>
          (i % 2 ? registry : other).setAlias({ name, alias, version, kind: 'promote', expect }),
        ),
      );
      const won = settled.flatMap((each, i) => (each.status === 'fulfilled' ? [versions[i]!] : []));
      // The one that is set already may be set again by its own writer alone.
      assert.equal(won.length, 1, `round ${round}: ${won.join(', ')}`);
      for (const each of settled) {
        if (each.status === 'rejected') assert.equal(each.reason.code, 'ANM_MODEL_CONFLICT', each.reason);
      }
      expect = (await registry.alias(name, alias))?.version ?? null;
      assert.equal(expect, won[0]);
    }
  });

  withRegistry('no change is lost: the history holds whatever was set', async ({ registry, other, prefix }) => {
    const name = `${prefix}history`;
    const alias = 'champion';
    for (let i = 0; i < 4; i++) await registry.add(newVersion(name, `model ${i}`));
    const done: string[] = [];
    const writer = async (client: ModelRegistry, versions: readonly string[]): Promise<void> => {
      for (const version of versions) {
        for (;;) {
          const current = await client.alias(name, alias);
          if (current?.version === version) break;
          try {
            await client.setAlias({ name, alias, version, kind: 'promote', expect: current?.version ?? null });
            done.push(version);
            break;
          } catch (error) {
            assert.equal((error as { code: string }).code, 'ANM_MODEL_CONFLICT');
          }
        }
      }
    };
    await Promise.all([writer(registry, ['1', '2', '1', '2', '1']), writer(other, ['3', '4', '3', '4', '3'])]);
    const state = (await other.alias(name, alias))!;
    const history = [state.version!, ...state.previous];
    assert.equal(history.length, done.length);
    assert.deepEqual([...history].sort(), [...done].sort());
  });
}

const CHAMPION = { alias: 'champion', version: '1' };
