import { randomUUID } from 'node:crypto';
import { isEqual } from './equalBytes.ts';
import type { ObjectStore } from './objectStore.ts';
import { storeError } from './storeErrors.ts';

/** The write test at start: what a checkpoint does, with a few bytes. */
export async function probeStore(store: ObjectStore): Promise<void> {
  const name = `probe-${randomUUID()}`;
  const bytes = new TextEncoder().encode(`written by anomaly to see whether it may write here: ${name}\n`);
  await store.put(name, [bytes]);
  let back: Uint8Array | undefined;
  try {
    back = await store.get(name);
  } catch (error) {
    // Why it could not be read is what is told, also where it cannot be removed either.
    await store.remove([name]).catch(() => {});
    throw error;
  }
  await store.remove([name]);
  if (isEqual(back, bytes)) return;
  const reason =
    back === undefined ? 'what was just written is not there' : 'it reads back other bytes than were written';
  throw storeError({ url: store.url, verb: 'read', name }, { code: 'ANM_PROTOCOL', reason });
}
