import { AnomalyError } from '../../errors.ts';
import { Connections } from '../../platform/connections.ts';
import { type HttpReply, httpCall } from '../../stores/httpCall.ts';
import { DeadlineError, deadlineMs, networkFault } from '../../stores/storeErrors.ts';

export interface MlflowOptions {
  /** `http://host:port`, with a path where the server is behind one. */
  readonly url: string;
  /** Setting models.request_timeout: for one answer, or for each 8 MiB of a larger body. */
  readonly timeoutMs: number;
  /** Basic authentication, or a bearer token in its place. */
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** PEM of a certificate authority beside the known ones. */
  readonly ca?: string;
}

/** An answer that a caller may expect: `{error_code, message}` of MLflow. */
export interface MlflowRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/**
 * Requests to MLflow's REST API (https://mlflow.org/docs/latest/rest-api.html), each with a deadline.
 *
 * @throws ANM_MODEL_REGISTRY for a server that is not there, too slow or failing, ANM_AUTHENTICATION, ANM_AUTHORIZATION,
 *   ANM_PROTOCOL for what is none of MLflow
 */
export class MlflowClient {
  readonly url: string;
  readonly #options: MlflowOptions;
  readonly #connections: Connections;
  readonly #host: string;

  constructor(options: MlflowOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.#options = options;
    this.#connections = new Connections(options.url.startsWith('https:'), { ca: options.ca, maxSockets: 8 });
    this.#host = new URL(this.url).host;
  }

  /** A call of `/api/2.0/mlflow/<path>`; a refusal with one of the `taken` codes is a result. */
  async call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, fields: Fields): Promise<T>;
  async call<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    fields: Fields,
    taken: readonly string[],
  ): Promise<T | MlflowRefusal>;
  async call<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    fields: Fields,
    taken: readonly string[] = [],
  ): Promise<T | MlflowRefusal> {
    const doing = `${method} ${path}`;
    const query = method === 'GET' ? `?${queryOf(fields)}` : '';
    const body = method === 'GET' ? undefined : Buffer.from(JSON.stringify(fields));
    const reply = await this.#send(doing, method, `/api/2.0/mlflow/${path}${query}`, body, 'application/json');
    if (reply.status === 200) return this.#json<T>(doing, reply);
    const refusal = this.#refusal(doing, reply);
    if (taken.includes(refusal.code)) return refusal;
    throw this.#refused(doing, refusal);
  }

  /** Writes a file through the server's proxy of artifacts. `path` as in `mlflow-artifacts:/<path>`. */
  async putArtifact(path: string, bytes: Uint8Array): Promise<void> {
    const doing = `PUT ${path}`;
    const reply = await this.#send(doing, 'PUT', artifactPath(path), bytes, 'application/octet-stream');
    if (reply.status !== 200) throw this.#refused(doing, this.#refusal(doing, reply));
  }

  /** Undefined where there is no such file. */
  async getArtifact(path: string): Promise<Uint8Array | undefined> {
    return await this.#file(artifactPath(path));
  }

  /** A file of a version wherever the server keeps it: MLflow's pages read artifacts so. */
  async getVersionFile(name: string, version: string, path: string): Promise<Uint8Array | undefined> {
    return await this.#file(`/model-versions/get-artifact?${queryOf({ name, version, path })}`);
  }

  /** Files right in a folder; folders end with a slash. */
  async listArtifacts(path: string): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
    const doing = `GET ${path}`;
    const query = queryOf({ path });
    const reply = await this.#send(doing, 'GET', `/api/2.0/mlflow-artifacts/artifacts?${query}`);
    if (reply.status === 404) return [];
    if (reply.status !== 200) throw this.#refused(doing, this.#refusal(doing, reply));
    const { files = [] } = this.#json<{ files?: { path: string; is_dir: boolean; file_size?: number }[] }>(
      doing,
      reply,
    );
    return files.map((each) => ({ path: each.is_dir ? `${each.path}/` : each.path, bytes: each.file_size ?? 0 }));
  }

  async deleteArtifact(path: string): Promise<void> {
    const doing = `DELETE ${path}`;
    const reply = await this.#send(doing, 'DELETE', artifactPath(path));
    if (reply.status !== 200 && reply.status !== 404) throw this.#refused(doing, this.#refusal(doing, reply));
  }

  close(): void {
    this.#connections.close();
  }

  async #file(address: string): Promise<Uint8Array | undefined> {
    const doing = `GET ${address}`;
    const reply = await this.#send(doing, 'GET', address);
    const { body } = reply;
    if (reply.status === 200) return new Uint8Array(body.buffer, body.byteOffset, body.length);
    const refusal = this.#refusal(doing, reply);
    // A directory of artifacts that is not there is answered so too.
    if (refusal.status === 404 || refusal.code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
    throw this.#refused(doing, refusal);
  }

  async #send(doing: string, method: string, path: string, body?: Uint8Array, type?: string): Promise<HttpReply> {
    const { timeoutMs, user, password, token } = this.#options;
    const ms = deadlineMs(timeoutMs, body?.length ?? 0);
    const basic = `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}`;
    const authorization = token !== undefined ? `Bearer ${token}` : user !== undefined ? basic : undefined;
    const headers = {
      ...(type !== undefined && { 'content-type': type }),
      ...(authorization !== undefined && { authorization }),
    };
    const call = { method, url: `${this.url}${path}`, headers, deadlineMs: ms, connections: this.#connections };
    try {
      return await httpCall({ ...call, ...(body !== undefined && { body: [body] }) });
    } catch (cause) {
      const isLate = cause instanceof DeadlineError;
      const reason = isLate
        ? `there is no answer within ${ms} ms (models.request_timeout)`
        : (networkFault(cause, this.#host)?.reason ?? (cause as Error).message);
      throw new AnomalyError('ANM_MODEL_REGISTRY', `cannot ${doing} at MLflow ${this.url} as ${reason}`, { cause });
    }
  }

  #json<T>(doing: string, { body }: HttpReply): T {
    try {
      return JSON.parse(body.toString()) as T;
    } catch (cause) {
      const begin = body.toString('utf8', 0, 100).replace(/\s+/g, ' ').trim();
      throw new AnomalyError('ANM_PROTOCOL', `${this.#host} does not answer ${doing} as MLflow does: ${begin}`, {
        hint: 'see whether models.registry is the address of an MLflow server',
        cause,
      });
    }
  }

  #refusal(doing: string, reply: HttpReply): MlflowRefusal {
    const { status } = reply;
    if (status === 401 || status === 403) {
      const what = status === 401 ? 'does not take the credentials' : 'does not allow that';
      throw new AnomalyError(
        status === 401 ? 'ANM_AUTHENTICATION' : 'ANM_AUTHORIZATION',
        `cannot ${doing} at MLflow ${this.url} as it ${what} (HTTP ${status})`,
        {
          hint: 'set models.mlflow.user and models.mlflow.password, or models.mlflow.token; MLFLOW_TRACKING_USERNAME, _PASSWORD and _TOKEN are read too',
        },
      );
    }
    const { error_code: code, message } = this.#json<{ error_code?: string; message?: string }>(doing, reply);
    return { status, code: code ?? `HTTP ${status}`, message: message ?? '' };
  }

  #refused(doing: string, { status, code, message }: MlflowRefusal): AnomalyError {
    const isPassing = status >= 500 || status === 429;
    return new AnomalyError(
      isPassing ? 'ANM_MODEL_REGISTRY' : 'ANM_PROTOCOL',
      `cannot ${doing} at MLflow ${this.url} as it answers ${code}: ${message}`,
      { hint: 'the answer is of MLflow; see its log', details: { status, code } },
    );
  }
}

type Fields = Readonly<Record<string, unknown>>;

export function isRefusal(answer: unknown): answer is MlflowRefusal {
  return typeof (answer as MlflowRefusal | undefined)?.code === 'string' && 'status' in (answer as object);
}

function queryOf(fields: Fields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`)
    .join('&');
}

function artifactPath(path: string): string {
  return `/api/2.0/mlflow-artifacts/artifacts/${path.split('/').map(encodeURIComponent).join('/')}`;
}
