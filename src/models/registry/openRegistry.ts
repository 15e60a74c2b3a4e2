import { AnomalyError } from '../../errors.ts';
import { type OpenStoreOptions, openStore } from '../../stores/openStore.ts';
import type { MlflowOptions } from './mlflowClient.ts';
import type { ModelRegistry, RegistryAuthor } from './modelRegistry.ts';
import { ObjectRegistry } from './objectRegistry.ts';

export interface OpenRegistryOptions {
  readonly author: RegistryAuthor;
  /** For a directory, a bucket of S3, or a directory of HDFS. */
  readonly store: Omit<OpenStoreOptions, 'setting'>;
  /** Asked for only where the registry is an MLflow server. */
  readonly mlflow: () => Promise<Omit<MlflowOptions, 'url'>>;
}

/**
 * The registry that `models.registry` names. Nothing is sent before the first call.
 *
 * @throws ANM_CONFIG for a text that names none
 */
export async function openRegistry(
  text: string,
  { author, store, mlflow }: OpenRegistryOptions,
): Promise<ModelRegistry> {
  if (!/^https?:/i.test(text))
    return new ObjectRegistry(await openStore(text, { ...store, setting: 'models.registry' }), author);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '') {
    const shown = text.includes('@') ? 'an address with credentials' : text;
    throw new AnomalyError('ANM_CONFIG', `models.registry cannot be ${shown}`, {
      hint: 'give http://HOST:PORT of an MLflow server; credentials are models.mlflow.user, .password and .token',
    });
  }
  const [{ MlflowClient }, { MlflowRegistry }] = await Promise.all([
    import('./mlflowClient.ts'),
    import('./mlflowRegistry.ts'),
  ]);
  return new MlflowRegistry(new MlflowClient({ url: text, ...(await mlflow()) }), author);
}
