import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { isAnomalyError } from '../../../src/errors.ts';
import { loadRuntime } from '../../../src/models/runtime/ortRuntime.ts';
import type { FromModelWorker } from '../../../src/models/runtime/workerMessages.ts';
import { modelPath, RUNTIME } from '../fixtures.ts';

const ROOT = new URL('../../../', import.meta.url);

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

test('auto takes the native runtime where it is installed, and node is refused by name where it is not', async () => {
  const isNative = isInstalled('onnxruntime-node');
  const auto = await loadRuntime({ runtime: 'auto', threads: 1 });
  assert.equal(auto.name, isNative ? 'onnxruntime-node' : 'onnxruntime-web');
  assert.match(auto.version, /^1\.\d+\.\d+$/);
  assert.equal((await loadRuntime({ runtime: 'web', threads: 1 })).name, 'onnxruntime-web');
  const asked = await loadRuntime({ runtime: 'node', threads: 1 }).catch((error: unknown) => error);
  if (isNative) return assert.equal((asked as { name: string }).name, 'onnxruntime-node');
  assert.ok(isAnomalyError(asked));
  assert.deepEqual([asked.code, asked.exitCode], ['ANM_MODEL_RUNTIME', 2]);
  assert.match(asked.message, /cannot load onnxruntime-node: /);
  assert.match(asked.hint, /npm install onnxruntime-node@/);
});

test('the built worker finds the runtime beside it, and is not bundled with it', {
  skip: !existsSync(new URL('dist/modelWorker.js', ROOT)),
}, async () => {
  const dist = new URL('dist/', ROOT);
  const worker = new Worker(new URL('modelWorker.js', dist), { execArgv: [] });
  try {
    const opened = await new Promise<FromModelWorker>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('message', resolve);
      const source = { path: modelPath('lstm-forecast') };
      worker.postMessage({ type: 'open', open: { source, runtime: RUNTIME, windows: { batch: 2 } } });
    });
    assert.equal(opened.type, 'opened');
  } finally {
    await worker.terminate();
  }
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    files.filter((name) => name.endsWith('.wasm')),
    [],
  );
  assert.ok(existsSync(join(ROOT.pathname, 'node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm')));
});
