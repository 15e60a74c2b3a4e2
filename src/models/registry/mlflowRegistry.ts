import { AnomalyError } from '../../errors.ts';
import { sha256 } from '../../stores/checkpoints/sha256.ts';
import { eachAtOnce } from '../../stores/retry.ts';
import { decodeAlias, encodeAlias } from './aliasRecord.ts';
import { type AliasChange, type AliasState, conflict, nextState, requireExpected } from './aliasState.ts';
import { hashFiles } from './fileHash.ts';
import { isRefusal, type MlflowClient } from './mlflowClient.ts';
import { mlflowModelFile } from './mlflowModelFile.ts';
import { MlflowRuns } from './mlflowRuns.ts';
import { type MlflowTag, type MlflowVersion, readMlflowVersion, versionTags } from './mlflowVersion.ts';
import { checkAlias, checkModelName } from './modelName.ts';
import type { ModelRegistry, RegistryAuthor } from './modelRegistry.ts';
import type { ModelFile, ModelVersion, NewVersion, RegisteredModel } from './modelVersion.ts';
import { corrupt } from './recordFields.ts';
import { inUse, unknownVersion } from './registryErrors.ts';

interface MlflowModel {
  readonly name: string;
  readonly aliases?: readonly { readonly alias: string; readonly version: string }[];
  readonly tags?: readonly MlflowTag[];
}

const PAGE = 200;
const ABSENT = ['RESOURCE_DOES_NOT_EXIST'];

/**
 * A registry in MLflow. A version is a run of the experiment `anomaly` with the files as its artifacts, since MLflow takes
 * artifacts of runs only; what it has no field for are tags under `anomaly.`. Versions that other tools have registered
 * are read too, where they hold an ONNX file.
 *
 * MLflow has no compare-and-set for aliases. The alias is read before it is set and again after, with a tag beside it that
 * names the change: what another one of this tool, or any other client, changed meanwhile is a conflict. What remains: of
 * two that set the alias within the same few milliseconds the later one may win although the earlier was told that it had
 * set it; and another client that sets and sets back in between is not seen.
 */
export class MlflowRegistry implements ModelRegistry {
  readonly url: string;
  readonly #client: MlflowClient;
  readonly #author: RegistryAuthor;
  readonly #runs: MlflowRuns;

  constructor(client: MlflowClient, author: RegistryAuthor) {
    this.url = client.url;
    this.#client = client;
    this.#author = author;
    this.#runs = new MlflowRuns(client);
  }

  async models(): Promise<readonly RegisteredModel[]> {
    const all: MlflowModel[] = [];
    let token: string | undefined;
    do {
      const fields = { max_results: PAGE, page_token: token };
      const page = await this.#client.call<{ registered_models?: MlflowModel[]; next_page_token?: string }>(
        'GET',
        'registered-models/search',
        fields,
      );
      all.push(...(page.registered_models ?? []));
      token = page.next_page_token === '' ? undefined : page.next_page_token;
    } while (token !== undefined);
    const found: RegisteredModel[] = [];
    await eachAtOnce(all, 4, async (each, i) => {
      found[i] = await this.#summary(each);
    });
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async model(name: string): Promise<RegisteredModel | undefined> {
    const found = await this.#model(name);
    return found === undefined ? undefined : await this.#summary(found);
  }

  async versions(name: string): Promise<readonly ModelVersion[]> {
    const all = await this.#search(name);
    const found: ModelVersion[] = [];
    await eachAtOnce(all, 4, async (each, i) => {
      found[i] = await this.#whole(each);
    });
    return found;
  }

  async version(name: string, version: string): Promise<ModelVersion | undefined> {
    const answer = await this.#client.call<{ model_version: MlflowVersion }>(
      'GET',
      'model-versions/get',
      { name, version },
      ABSENT,
    );
    return isRefusal(answer) ? undefined : await this.#whole(answer.model_version);
  }

  async add(given: NewVersion): Promise<ModelVersion> {
    const { name, description } = given;
    checkModelName(name);
    const { by, now } = this.#author;
    const hashed = await hashFiles(given.files);
    const tags = versionTags(given, hashed, by);
    await this.#client.call('POST', 'registered-models/create', { name }, ['RESOURCE_ALREADY_EXISTS']);
    const run = await this.#runs.create(`${name} by ${by}`, now());
    let version: MlflowVersion;
    try {
      for (const { path, bytes } of given.files) await this.#client.putArtifact(`${run.path}/${path}`, bytes);
      await this.#client.putArtifact(`${run.path}/MLmodel`, mlflowModelFile(given, now()));
      await this.#runs.finish(run.id, given.metrics ?? {}, now());
      const fields = { name, source: run.source, run_id: run.id, tags, description };
      const answer = await this.#client.call<{ model_version: MlflowVersion }>('POST', 'model-versions/create', fields);
      version = await this.#ready(answer.model_version);
    } catch (error) {
      await this.#runs.fail(run.id, now()).catch(() => {});
      throw error;
    }
    return readMlflowVersion(version, this.url, run.source, hashed.files);
  }

  async read({ name, version, location }: ModelVersion, file: ModelFile): Promise<Uint8Array> {
    const place = `${file.path} of ${name}/${version} in ${this.url}`;
    const path = proxiedPath(location);
    const bytes =
      path === undefined
        ? await this.#client.getVersionFile(name, version, file.path)
        : await this.#client.getArtifact(`${path}/${file.path}`);
    if (bytes === undefined) throw corrupt(place, `MLflow has no such file at ${location}`);
    const hash = file.sha256 === undefined ? undefined : await sha256(bytes);
    if (hash !== file.sha256) throw corrupt(place, `its sha256 is ${hash}, and ${file.sha256} was added`);
    return bytes;
  }

  async alias(name: string, alias: string): Promise<AliasState | undefined> {
    return (await this.#alias(name, alias)).state;
  }

  async setAlias(change: AliasChange): Promise<AliasState> {
    const { name, alias, version } = change;
    checkAlias(alias);
    const before = await this.#alias(name, alias);
    requireExpected(change, before.state);
    if (version !== null && (await this.#exists(name, version)) === false)
      throw unknownVersion(this.url, name, version);
    const { by, now, newId } = this.#author;
    const state = nextState(before.state, change, { id: newId(), by, at: new Date(now()).toISOString() });
    const expected = before.state?.version ?? null;
    if (version !== null) await this.#client.call('POST', 'registered-models/alias', { name, alias, version });
    else await this.#client.call('DELETE', 'registered-models/alias', { name, alias }, ABSENT);

    const between = await this.#alias(name, alias);
    if (between.tag?.id !== before.tag?.id) throw foreign(change, expected, between.tag ?? between.state);
    if ((between.state?.version ?? null) !== version) throw foreign(change, expected, between.state);
    await this.#client.call('POST', 'registered-models/set-tag', {
      name,
      key: tagKey(alias),
      value: encodeAlias(state),
    });
    const after = await this.#alias(name, alias);
    if (after.tag?.id !== state.id) throw foreign(change, expected, after.tag ?? after.state);
    if ((after.state?.version ?? null) !== version) throw foreign(change, expected, after.state);
    return state;
  }

  async remove(name: string, version: string): Promise<void> {
    const found = await this.version(name, version);
    if (found === undefined) throw unknownVersion(this.url, name, version);
    const used = (await this.#model(name))?.aliases?.filter((each) => each.version === version) ?? [];
    if (used.length > 0) throw inUse(name, version, used);
    const { model_version } = await this.#client.call<{ model_version: MlflowVersion }>('GET', 'model-versions/get', {
      name,
      version,
    });
    // What MLflow deletes takes aliases with it that were set a moment ago: that is not to be seen from here.
    await this.#client.call('DELETE', 'model-versions/delete', { name, version });
    const path = proxiedPath(found.location);
    if (path === undefined || found.sha256 === undefined || (await this.#isShared(model_version))) return;
    for (const file of [...found.files.map((each) => each.path), 'MLmodel']) {
      await this.#client.deleteArtifact(`${path}/${file}`);
    }
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  /** The alias as MLflow has it, with what the last change by this tool says of it. */
  async #alias(name: string, alias: string): Promise<{ state: AliasState | undefined; tag: AliasState | undefined }> {
    const model = await this.#model(name);
    const version = model?.aliases?.find((each) => each.alias === alias)?.version ?? null;
    const json = model?.tags?.find(({ key }) => key === tagKey(alias))?.value;
    const tag = json === undefined ? undefined : decodeAlias(json, `tag ${tagKey(alias)} of ${name} in ${this.url}`);
    if (tag?.version === version) return { state: tag, tag };
    if (tag === undefined && version === null) return { state: undefined, tag };
    // Another client has set it since.
    const previous = tag === undefined ? [] : tag.version === null ? tag.previous : [tag.version, ...tag.previous];
    return { state: { name, alias, version, previous, kind: 'promote', id: '', by: '', at: '' }, tag };
  }

  async #model(name: string): Promise<MlflowModel | undefined> {
    const answer = await this.#client.call<{ registered_model: MlflowModel }>(
      'GET',
      'registered-models/get',
      { name },
      ABSENT,
    );
    return isRefusal(answer) ? undefined : answer.registered_model;
  }

  async #summary({ name, aliases = [] }: MlflowModel): Promise<RegisteredModel> {
    const versions = (await this.#search(name)).map(({ version }) => version);
    const named = aliases.map(({ alias, version }) => ({ alias, version }));
    return { name, versions, aliases: named.sort((a, b) => (a.alias < b.alias ? -1 : 1)) };
  }

  /** MLflow's copies of a version, under whatever name, have the files and tags of the first one: of its run. */
  async #isShared({ run_id: run = '' }: MlflowVersion): Promise<boolean> {
    return run !== '' && (await this.#searchBy(`run_id='${run}'`)).length > 0;
  }

  /** Versions of a model, ascending. */
  async #search(name: string): Promise<MlflowVersion[]> {
    const quote = name.includes("'") ? '"' : "'";
    const all = await this.#searchBy(`name=${quote}${name}${quote}`);
    return all.sort((a, b) => Number(a.version) - Number(b.version));
  }

  async #searchBy(filter: string): Promise<MlflowVersion[]> {
    const all: MlflowVersion[] = [];
    let token: string | undefined;
    do {
      const fields = { filter, max_results: PAGE, page_token: token };
      const page = await this.#client.call<{ model_versions?: MlflowVersion[]; next_page_token?: string }>(
        'GET',
        'model-versions/search',
        fields,
      );
      all.push(...(page.model_versions ?? []));
      token = page.next_page_token === '' ? undefined : page.next_page_token;
    } while (token !== undefined);
    return all;
  }

  async #exists(name: string, version: string): Promise<boolean> {
    return !isRefusal(await this.#client.call('GET', 'model-versions/get', { name, version }, ABSENT));
  }

  async #whole(version: MlflowVersion): Promise<ModelVersion> {
    const { name, version: number, tags = [] } = version;
    const fields = { name, version: number };
    const { artifact_uri: location = '' } = await this.#client.call<{ artifact_uri?: string }>(
      'GET',
      'model-versions/get-download-uri',
      fields,
    );
    const isOurs = tags.some(({ key }) => key === 'anomaly.files');
    return readMlflowVersion(version, this.url, location, isOurs ? [] : await this.#onnxFiles(location));
  }

  /** The ONNX file of a version that another tool registered, by the server's listing; its usual name where it has none. */
  async #onnxFiles(location: string): Promise<readonly ModelFile[]> {
    const path = proxiedPath(location);
    if (path === undefined) return [{ path: 'model.onnx' }];
    const files = await this.#client.listArtifacts(path);
    const onnx = files.filter((each) => each.path.endsWith('.onnx'));
    const first = onnx.find((each) => each.path === 'model.onnx') ?? onnx[0];
    if (first === undefined) return [];
    return [first, ...files.filter((each) => each.path.startsWith(`${first.path}.`) || each.path.endsWith('.data'))];
  }

  /** MLflow may still copy: it says READY when it has. */
  async #ready(version: MlflowVersion): Promise<MlflowVersion> {
    if (version.status === undefined || version.status === 'READY') return version;
    throw new AnomalyError(
      'ANM_MODEL_REGISTRY',
      `MLflow ${this.url} has version ${version.version} of ${version.name} as ${version.status}: ${version.status_message ?? ''}`,
      { hint: 'look at the version in MLflow, remove it there if it stays so, and add the model again' },
    );
  }
}

const tagKey = (alias: string) => `anomaly.alias.${alias}`;

/** `mlflow-artifacts:/1/ab/artifacts/model`, with or without a host: the path that the server's proxy knows. */
export function proxiedPath(uri: string): string | undefined {
  const match = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.*)$/.exec(uri);
  return match?.[1]?.replace(/\/+$/, '');
}

function foreign(change: AliasChange, expected: string | null, actual: AliasState | undefined): AnomalyError {
  const error = conflict(change, expected, actual);
  const { name, alias } = change;
  const hint = `MLflow sets aliases for whoever comes last: anomaly model show ${name}@${alias} says where it is now`;
  return new AnomalyError(error.code, error.message, { hint, details: error.details });
}
