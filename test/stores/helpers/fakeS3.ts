import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { applyFault, bodyOf, type Fault, type Faulty, send } from './faults.ts';

interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly modifiedMs: number;
}

interface Upload {
  readonly key: string;
  readonly initiatedMs: number;
  readonly parts: Map<number, Stored>;
}

export interface FakeS3 {
  readonly endpoint: string;
  readonly objects: Map<string, Stored>;
  readonly uploads: Map<string, Upload>;
  /** Each request, as `PUT /bucket/key?query`. */
  readonly log: string[];
  faulty: Faulty;
  /** The server's clock minus the real one. */
  skewMs: number;
  /** Takes no notice of If-None-Match, as older services. */
  isUnconditional: boolean;
  close(): Promise<void>;
}

export const ACCESS_KEY = 'reader-writer';
export const SECRET_KEY = 'kept to ourselves';
export const BUCKET = 'checkpoints';
const LEAST_PART_BYTES = 5 * 1024 * 1024;
const MOST_SKEW_MS = 15 * 60_000;
/** S3 gives 1,000 at once; fewer show whether the pages are put together. */
const PAGE = 3;

/**
 * What the API reference of S3 says of the requests that a store needs: signatures (version 4), dates, hashes of
 * payloads, ranges, multipart uploads with their least size, lists in pages. In memory, for faults on demand.
 */
export async function startFakeS3(): Promise<FakeS3> {
  const fake = {
    endpoint: '',
    objects: new Map<string, Stored>(),
    uploads: new Map<string, Upload>(),
    log: [] as string[],
    faulty: (() => undefined) as Faulty,
    skewMs: 0,
    isUnconditional: false,
  };
  const server = createServer((request, response) => {
    const method = request.method ?? '';
    const url = request.url ?? '';
    fake.log.push(`${method} ${url}`);
    const fault = fake.faulty({ method, url });
    if (applyFault(fault, request, response)) return;
    const begin = () => void answer(fake, request, response, fault).catch(() => request.socket.destroy());
    if (typeof fault === 'object' && 'delayMs' in fault) setTimeout(begin, fault.delayMs);
    else begin();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fake.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(fake, {
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

type State = Pick<FakeS3, 'objects' | 'uploads' | 'skewMs' | 'isUnconditional'>;

async function answer(fake: State, request: IncomingMessage, response: ServerResponse, fault: Fault | undefined) {
  const body = await bodyOf(request);
  const url = new URL(request.url ?? '', 'http://s3');
  const now = Date.now() + fake.skewMs;
  const date = { date: new Date(now).toUTCString() };
  const reply = (status: number, headers: Record<string, string> = {}, text: Uint8Array | string = '') =>
    void send(response, status, { ...date, ...headers }, text, fault);
  const refuse = (status: number, code: string, more = '') =>
    reply(
      status,
      { 'content-type': 'application/xml' },
      `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code} it is</Message>${more}</Error>`,
    );
  const denied = checkRequest(request, body, now);
  if (denied !== undefined) return refuse(denied.status, denied.code, denied.more);
  const [, bucket = '', ...rest] = url.pathname.split('/');
  if (bucket !== BUCKET) return refuse(404, 'NoSuchBucket');
  const key = decodeURIComponent(rest.join('/'));
  const query = url.searchParams;
  const { method } = request;
  if (key === '' && query.has('location')) return reply(200, {}, '<LocationConstraint>us-east-1</LocationConstraint>');
  if (key === '' && query.has('uploads')) return reply(200, {}, listUploads(fake, query));
  if (key === '') return reply(200, {}, listObjects(fake, query));
  if (query.has('uploads') || query.has('uploadId'))
    return multipart(fake, method ?? '', key, query, body, now, reply, refuse);
  if (method === 'PUT') {
    if (request.headers['if-none-match'] === '*' && fake.objects.has(key) && !fake.isUnconditional)
      return refuse(412, 'PreconditionFailed');
    const stored = { body, etag: etag(body), modifiedMs: now };
    fake.objects.set(key, stored);
    return reply(200, { etag: stored.etag });
  }
  if (method === 'DELETE') {
    fake.objects.delete(key);
    return reply(204);
  }
  return readObject(fake.objects.get(key), request, reply, refuse);
}

type Reply = (status: number, headers?: Record<string, string>, text?: Uint8Array | string) => undefined;
type Refuse = (status: number, code: string, more?: string) => undefined;

function readObject(stored: Stored | undefined, request: IncomingMessage, reply: Reply, refuse: Refuse): undefined {
  if (stored === undefined) return refuse(404, 'NoSuchKey');
  const { body, etag } = stored;
  const match = request.headers['if-match'];
  if (match !== undefined && match !== etag) return refuse(412, 'PreconditionFailed');
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  if (range === null) return reply(200, { etag }, body);
  const start = Number(range[1]);
  if (start >= body.length) return refuse(416, 'InvalidRange');
  const end = Math.min(Number(range[2]), body.length - 1);
  return reply(206, { etag, 'content-range': `bytes ${start}-${end}/${body.length}` }, body.subarray(start, end + 1));
}

function multipart(
  fake: State,
  method: string,
  key: string,
  query: URLSearchParams,
  body: Buffer,
  now: number,
  reply: Reply,
  refuse: Refuse,
): undefined {
  if (query.has('uploads')) {
    const id = randomUUID();
    fake.uploads.set(id, { key, initiatedMs: now, parts: new Map() });
    return reply(200, {}, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }
  const id = query.get('uploadId') ?? '';
  const upload = fake.uploads.get(id);
  if (upload?.key !== key) return refuse(404, 'NoSuchUpload');
  if (method === 'PUT') {
    const part = { body, etag: etag(body), modifiedMs: now };
    upload.parts.set(Number(query.get('partNumber')), part);
    return reply(200, { etag: part.etag });
  }
  fake.uploads.delete(id);
  if (method === 'DELETE') return reply(204);
  const listed = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>\s*<ETag>([^<]*)<\/ETag>/g)];
  const parts = listed.map(([, number, tag]) => {
    const part = upload.parts.get(Number(number));
    return part?.etag.replaceAll('"', '') === (tag ?? '').replaceAll(/"|&quot;/g, '') ? part : undefined;
  });
  if (parts.length === 0 || parts.includes(undefined)) return refuse(400, 'InvalidPart');
  if (parts.slice(0, -1).some((part) => part!.body.length < LEAST_PART_BYTES)) return refuse(400, 'EntityTooSmall');
  const whole = Buffer.concat(parts.map((part) => part!.body));
  const tag = `"${etag(whole).replaceAll('"', '')}-${parts.length}"`;
  fake.objects.set(key, { body: whole, etag: tag, modifiedMs: now });
  return reply(
    200,
    {},
    `<CompleteMultipartUploadResult><Location>http://s3/${BUCKET}/${key}</Location><Bucket>${BUCKET}</Bucket><Key>${key}</Key><ETag>${tag}</ETag></CompleteMultipartUploadResult>`,
  );
}

function listObjects({ objects }: State, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? '';
  const names = [...objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort();
  const page = names.slice(0, PAGE);
  const contents = page.map((name) => {
    const { body, etag, modifiedMs } = objects.get(name)!;
    const written = new Date(modifiedMs).toISOString();
    return `<Contents><Key>${encodeURIComponent(name)}</Key><LastModified>${written}</LastModified><ETag>${etag}</ETag><Size>${body.length}</Size></Contents>`;
  });
  const isTruncated = names.length > page.length;
  const token = isTruncated ? `<NextContinuationToken>${xml(page.at(-1)!)}</NextContinuationToken>` : '';
  return `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${token}${contents.join('')}</ListBucketResult>`;
}

function listUploads({ uploads }: State, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const entries = [...uploads].filter(([, { key }]) => key.startsWith(prefix));
  const texts = entries.map(
    ([id, { key, initiatedMs }]) =>
      `<Upload><Key>${xml(key)}</Key><UploadId>${id}</UploadId><Initiated>${new Date(initiatedMs).toISOString()}</Initiated></Upload>`,
  );
  return `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${texts.join('')}</ListMultipartUploadsResult>`;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function etag(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('hex')}"`;
}

/** Key, date, payload and signature, in that order, as https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html has them. */
function checkRequest(
  request: IncomingMessage,
  body: Buffer,
  now: number,
): { readonly status: number; readonly code: string; readonly more?: string } | undefined {
  const { headers } = request;
  const given =
    /Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})/.exec(
      headers.authorization ?? '',
    );
  if (given === null) return { status: 403, code: 'AccessDenied' };
  const [, id, day, region, signed = '', signature] = given;
  if (id !== ACCESS_KEY) return { status: 403, code: 'InvalidAccessKeyId' };
  const date = String(headers['x-amz-date']);
  const sent = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Math.abs(sent - now) > MOST_SKEW_MS) {
    const more = `<RequestTime>${date}</RequestTime><ServerTime>${new Date(now).toISOString()}</ServerTime>`;
    return { status: 403, code: 'RequestTimeTooSkewed', more };
  }
  const payload = String(headers['x-amz-content-sha256']);
  if (payload !== createHash('sha256').update(body).digest('hex'))
    return { status: 400, code: 'XAmzContentSHA256Mismatch' };
  const url = new URL(request.url ?? '', 'http://s3');
  const query = [...url.searchParams]
    .map(([key, value]) => `${escapeAll(key)}=${escapeAll(value)}`)
    .sort()
    .join('&');
  const canonical = [
    request.method,
    url.pathname
      .split('/')
      .map((part) => escapeAll(decodeURIComponent(part)))
      .join('/'),
    query,
    ...signed.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    payload,
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const hmac = (key: string | Buffer, value: string) => createHmac('sha256', key).update(value).digest();
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (last, part) => hmac(last, part!),
    `AWS4${SECRET_KEY}`,
  );
  return hmac(key, text).toString('hex') === signature ? undefined : { status: 403, code: 'SignatureDoesNotMatch' };
}

function escapeAll(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
