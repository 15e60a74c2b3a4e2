import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Client } from 'minio';
import { isEqual } from './equalBytes.ts';
import { byName, checkName } from './objectNames.ts';
import type { ObjectStore, StoredObject } from './objectStore.ts';
import { pieces } from './pieces.ts';
import { probeStore } from './probe.ts';
import { eachAtOnce, type RequestPolicy, withRetries } from './retry.ts';
import { s3Answer, s3Fault } from './s3Errors.ts';
import { S3Transport } from './s3Transport.ts';
import { PIECE_BYTES, type StoreAction, storeError } from './storeErrors.ts';

export interface S3Options {
  readonly bucket: string;
  /** '' or `some/folder/`. */
  readonly prefix: string;
  /** `https://host:port`; AWS's own when it is absent. */
  readonly endpoint?: string;
  readonly region?: string;
  /** The bucket in the path, not in the host name; AWS takes the host name all the same. */
  readonly pathStyle: boolean;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Where the credentials came from, for messages. */
  readonly credentials: string;
  /** PEM of a certificate authority beside the known ones. */
  readonly ca?: string;
}

const AWS_ENDPOINT = 'https://s3.amazonaws.com';
/** S3 takes at most 10,000 parts an object. */
const MOST_PARTS = 10_000;
const AT_ONCE = 4;

/**
 * Objects of a bucket of S3, MinIO or what speaks their protocol, by the package `minio`. Large ones go as multipart
 * uploads and come back as ranges, several at once; what is large is never copied as a whole. The package's own
 * retries are off: they keep silent about the reason and end when they like.
 */
export class S3ObjectStore implements ObjectStore {
  readonly url: string;
  readonly #client: Client;
  readonly #transport: S3Transport;
  readonly #options: S3Options;
  readonly #policy: RequestPolicy;
  readonly #host: string;
  #creates: Promise<void> | undefined;

  static async open(url: string, options: S3Options, policy: RequestPolicy): Promise<S3ObjectStore> {
    const minio = await import('minio');
    const endpoint = new URL(options.endpoint ?? AWS_ENDPOINT);
    const isTls = endpoint.protocol === 'https:';
    const transport = new S3Transport(isTls, policy.timeoutMs, options.ca);
    const client = new minio.Client({
      endPoint: endpoint.hostname.replace(/^\[|\]$/g, ''),
      ...(endpoint.port !== '' && { port: Number(endpoint.port) }),
      useSSL: isTls,
      accessKey: options.accessKeyId,
      secretKey: options.secretAccessKey,
      ...(options.sessionToken !== undefined && { sessionToken: options.sessionToken }),
      ...(options.region !== undefined && { region: options.region }),
      pathStyle: options.pathStyle,
      transport: transport as unknown as NonNullable<ConstructorParameters<typeof minio.Client>[0]['transport']>,
      transportAgent: transport.agent,
      retryOptions: { disableRetry: true },
    });
    return new S3ObjectStore(url, options, policy, client, transport, endpoint.host);
  }

  private constructor(
    url: string,
    options: S3Options,
    policy: RequestPolicy,
    client: Client,
    transport: S3Transport,
    host: string,
  ) {
    this.url = url;
    this.#options = options;
    this.#policy = policy;
    this.#client = client;
    this.#transport = transport;
    this.#host = host;
  }

  async put(name: string, parts: readonly Uint8Array[]): Promise<void> {
    const objectName = this.#key(name);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (bytes > PIECE_BYTES) return await this.#putParts(name, objectName, parts, bytes);
    const [body = Buffer.alloc(0)] = pieces(parts, PIECE_BYTES);
    const { bucket: bucketName } = this.#options;
    const headers = { 'content-type': contentType(name) };
    await this.#doing('write', name, () =>
      this.#client.makeRequestAsyncOmit({ method: 'PUT', bucketName, objectName, headers }, body),
    );
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    this.#creates ??= this.#checkCreates().catch((error: unknown) => {
      this.#creates = undefined;
      throw error;
    });
    await this.#creates;
    return await this.#create(name, bytes);
  }

  /** A service that does not know the condition would overwrite what another writer has created, and say that all is well. */
  async #checkCreates(): Promise<void> {
    const name = `probe-${randomUUID()}`;
    const [first, second] = ['first', 'second'].map((text) => new TextEncoder().encode(`${name} ${text}\n`));
    await this.#create(name, first!);
    const isReplaced = await this.#create(name, second!);
    await this.remove([name]);
    if (!isReplaced) return;
    throw storeError(this.#action('write', name), {
      code: 'ANM_PROTOCOL',
      reason: `${this.#host} does not honour If-None-Match, by which one of several writers creates an object`,
      hint: 'take a release of the service that knows conditional writes (MinIO since 2024), another service, or a directory',
    });
  }

  async #create(name: string, bytes: Uint8Array): Promise<boolean> {
    const objectName = this.#key(name);
    const { bucket: bucketName } = this.#options;
    const headers = { 'content-type': contentType(name), 'if-none-match': '*' };
    const put = async (): Promise<void> => {
      await this.#client.makeRequestAsyncOmit({ method: 'PUT', bucketName, objectName, headers }, Buffer.from(bytes));
    };
    const refused = await this.#doing('write', name, put, EXISTS);
    return typeof refused !== 'string' || isEqual(await this.get(name), bytes);
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const first = await this.#range(name, 0, PIECE_BYTES - 1);
    if (first === undefined) return undefined;
    const { total, body, etag } = first;
    if (body.length >= total) return body;
    const whole = new Uint8Array(total);
    whole.set(body);
    const starts: number[] = [];
    for (let at = body.length; at < total; at += PIECE_BYTES) starts.push(at);
    await eachAtOnce(starts, AT_ONCE, async (start) => {
      const end = Math.min(start + PIECE_BYTES, total) - 1;
      const piece = await this.#range(name, start, end, etag);
      if (piece?.body.length !== end - start + 1) {
        const reason = `it has ${piece?.body.length ?? 0} bytes from ${start} on, not ${end - start + 1}`;
        throw storeError(this.#action('read', name), { code: 'ANM_STORE_UNREACHABLE', reason });
      }
      whole.set(piece.body, start);
    });
    return whole;
  }

  async list(prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    const { bucket, prefix: own } = this.#options;
    let token = '';
    do {
      const page = await this.#doing('list', prefix, () =>
        this.#client.listObjectsV2Query(bucket, own + prefix, token, '', 1000, ''),
      );
      for (const { name, size, lastModified } of page.objects) {
        if (name === undefined || lastModified === undefined || name.endsWith('/')) continue;
        found.push({ name: name.slice(own.length), bytes: size, modifiedMs: lastModified.getTime() });
      }
      token = page.isTruncated === true ? page.nextContinuationToken : '';
    } while (token !== '');
    return found.sort(byName);
  }

  async remove(names: readonly string[]): Promise<void> {
    await eachAtOnce(names, 2 * AT_ONCE, async (name) => {
      const key = this.#key(name);
      await this.#doing('remove', name, () => this.#client.removeObject(this.#options.bucket, key), GONE);
    });
  }

  /** AWS lists unfinished uploads by prefix; MinIO only by the whole name, and removes them itself after a day. */
  async removeUnfinished(prefix: string, beforeMs: number): Promise<void> {
    const { bucket, prefix: own } = this.#options;
    let [keyMarker, uploadMarker] = ['', ''];
    for (;;) {
      const page = await this.#doing('list', prefix, () =>
        this.#client.listIncompleteUploadsQuery(bucket, own + prefix, keyMarker, uploadMarker, ''),
      );
      const old = page.uploads.filter(({ initiated }) => initiated.getTime() < beforeMs);
      await eachAtOnce(old, AT_ONCE, async ({ key, uploadId }) => {
        await this.#doing(
          'remove',
          key.slice(own.length),
          () => this.#client.abortMultipartUpload(bucket, key, uploadId),
          GONE,
        );
      });
      if (!page.isTruncated) return;
      [keyMarker, uploadMarker] = [page.nextKeyMarker, page.nextUploadIdMarker];
    }
  }

  async probe(): Promise<void> {
    await probeStore(this);
  }

  async close(): Promise<void> {
    this.#transport.close();
  }

  async #putParts(name: string, key: string, parts: readonly Uint8Array[], bytes: number): Promise<void> {
    const { bucket } = this.#options;
    const size = Math.max(PIECE_BYTES, Math.ceil(bytes / MOST_PARTS));
    const headers = { 'content-type': contentType(name) };
    const upload = await this.#doing('write', name, () =>
      this.#client.initiateNewMultipartUpload(bucket, key, headers),
    );
    const etags: { part: number; etag: string }[] = [];
    const numbers = Array.from({ length: Math.ceil(bytes / size) }, (_, i) => i);
    const next = pieces(parts, size);
    try {
      await eachAtOnce(numbers, AT_ONCE, async (i) => {
        const body = next.next().value!;
        const config = { bucketName: bucket, objectName: key, uploadID: upload, partNumber: i + 1, headers: {} };
        const { etag } = await this.#doing('write', name, () => this.#client.uploadPart(config, body));
        etags[i] = { part: i + 1, etag };
      });
      const complete = () => this.#client.completeMultipartUpload(bucket, key, upload, etags);
      const completed = await this.#doing('write', name, complete, GONE);
      if (typeof completed === 'string') await this.#checkCompleted(name, bytes, completed);
    } catch (error) {
      // What cannot be taken back now is swept up as unfinished later.
      await this.#client.abortMultipartUpload(bucket, key, upload).catch(() => {});
      throw error;
    }
  }

  /** An upload that is not there any more was completed by an attempt whose answer was lost. */
  async #checkCompleted(name: string, bytes: number, code: string): Promise<void> {
    const found = (await this.list(name)).find((each) => each.name === name);
    if (found?.bytes === bytes) return;
    const reason = `the upload ended before it was complete: ${code}`;
    throw storeError(this.#action('write', name), { code: 'ANM_STORE_UNREACHABLE', reason });
  }

  /** Undefined where there is no such object. */
  async #range(
    name: string,
    start: number,
    end: number,
    etag?: string,
  ): Promise<{ body: Uint8Array; total: number; etag: string | undefined } | undefined> {
    const objectName = this.#key(name);
    const { bucket: bucketName } = this.#options;
    const headers = { range: `bytes=${start}-${end}`, ...(etag !== undefined && { 'if-match': etag }) };
    const read = async () => {
      const response = await this.#client.makeRequestAsync(
        { method: 'GET', bucketName, objectName, headers },
        '',
        [200, 206],
      );
      return { response, body: await readBody(response) };
    };
    const got = await this.#doing('read', name, read, ABSENT);
    // A range of an empty object is none.
    if (got === 'InvalidRange') return { body: new Uint8Array(0), total: 0, etag: undefined };
    if (typeof got === 'string') return undefined;
    const { response, body } = got;
    const total = /\/(\d+)$/.exec(response.headers['content-range'] ?? '')?.[1];
    return { body, total: total === undefined ? body.length : Number(total), etag: response.headers.etag };
  }

  #key(name: string): string {
    return this.#options.prefix + checkName(name);
  }

  #action(verb: StoreAction['verb'], name: string): StoreAction {
    return { url: this.url, verb, name };
  }

  /** One request with its retries. Answers of the `taken` codes are results, not failures. */
  async #doing<T>(verb: StoreAction['verb'], name: string, work: () => Promise<T>): Promise<T>;
  async #doing<T>(
    verb: StoreAction['verb'],
    name: string,
    work: () => Promise<T>,
    taken: ReadonlySet<string>,
  ): Promise<T | string>;
  async #doing<T>(
    verb: StoreAction['verb'],
    name: string,
    work: () => Promise<T>,
    taken: ReadonlySet<string> = NONE,
  ): Promise<T | string> {
    const { bucket, credentials } = this.#options;
    return await withRetries(this.#policy, async () => {
      try {
        return await work();
      } catch (error) {
        const code = s3Answer(error)?.code;
        if (code !== undefined && taken.has(code)) return code;
        const place = { host: this.#host, bucket, credentials, skewMs: this.#transport.skewMs };
        throw storeError(this.#action(verb, name), s3Fault(error, place), error);
      }
    });
  }
}

const NONE: ReadonlySet<string> = new Set();
const EXISTS: ReadonlySet<string> = new Set(['PreconditionFailed']);
const ABSENT: ReadonlySet<string> = new Set(['NoSuchKey', 'InvalidRange']);
const GONE: ReadonlySet<string> = new Set(['NoSuchKey', 'NoSuchUpload']);

function contentType(name: string): string {
  return name.endsWith('.json') ? 'application/json' : 'application/octet-stream';
}

/** Into one array of the announced size; an answer that ends early is a broken connection. */
async function readBody(response: IncomingMessage): Promise<Uint8Array> {
  const announced = Number(response.headers['content-length'] ?? Number.NaN);
  if (Number.isNaN(announced)) {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
  const body = new Uint8Array(announced);
  let length = 0;
  for await (const chunk of response) {
    const piece = chunk as Buffer;
    if (length + piece.length <= announced) body.set(piece, length);
    length += piece.length;
  }
  if (length !== announced) throw new Error(`aborted: ${length} of ${announced} bytes came`);
  return body;
}
