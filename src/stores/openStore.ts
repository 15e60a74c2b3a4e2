import { FileObjectStore } from './fileObjectStore.ts';
import type { ObjectStore } from './objectStore.ts';
import type { RequestPolicy } from './retry.ts';
import type { S3Options } from './s3ObjectStore.ts';
import { parseStoreUrl } from './storeUrl.ts';

export interface OpenStoreOptions {
  readonly policy: Pick<RequestPolicy, 'timeoutMs' | 'retryMs'> & Partial<RequestPolicy>;
  /** Asked for only where the store is one of S3: @throws ANM_STORE_DENIED, ANM_CONFIG */
  readonly s3: () => Promise<Omit<S3Options, 'bucket' | 'prefix'>>;
  readonly webhdfs: () => { readonly user: string; readonly token?: string };
  /** The key that names the store, for messages; checkpoint.store where it is absent. */
  readonly setting?: string;
}

/**
 * The store that a setting names. Nothing is sent before the first call.
 *
 * @throws ANM_CONFIG for a text that names none
 */
export async function openStore(
  text: string,
  { policy, s3, webhdfs, setting }: OpenStoreOptions,
): Promise<ObjectStore> {
  const place = parseStoreUrl(text, setting);
  const whole: RequestPolicy = {
    now: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    random: Math.random,
    ...policy,
  };
  switch (place.kind) {
    case 'file':
      return new FileObjectStore(place.directory, text, whole);
    case 's3': {
      const { S3ObjectStore } = await import('./s3ObjectStore.ts');
      const { bucket, prefix } = place;
      return await S3ObjectStore.open(text, { ...(await s3()), bucket, prefix }, whole);
    }
    case 'webhdfs': {
      const { WebhdfsObjectStore } = await import('./webhdfsObjectStore.ts');
      const { endpoint, path, user } = place;
      return new WebhdfsObjectStore(text, { endpoint, path, ...webhdfs(), ...(user !== undefined && { user }) }, whole);
    }
  }
}
