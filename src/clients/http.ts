import { type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { beforeAnswer, overKept } from '../platform/connections.ts';
import type { TlsOptions } from './client.ts';
import { peerCertificate } from './inspectListener.ts';
import { tlsConnectOptions, tlsProblem } from './tls.ts';

/** Where an HTTP service is, and how to be let in: the Schema Registry, the Admin API. */
export interface HttpService {
  /** `http://host:port`, or just `host:port`. */
  readonly urls: readonly string[];
  /** For basic authentication. */
  readonly username?: string;
  readonly password?: string;
  /** A bearer token in place of user and password, asked for at each request. */
  readonly token?: () => string;
  /** For addresses of https. */
  readonly tls?: TlsOptions;
  /** Setting request_timeout: time for one answer of one address. Default 10000. */
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

/** Characters of an answer; more than any registry has, and less than would end the process. */
const LONGEST_ANSWER = 64 * 1024 * 1024;

/**
 * One request over node:http. `fetch` would do the same, and costs 50 ms of CPU to load at the first call of a process.
 * A kept connection that was closed while it was idle is replaced once, for a method that may be sent again; others get a
 * connection of their own. Rejects with the socket's error, or with an error named TimeoutError after `timeoutMs`, the
 * replacement included.
 */
export function httpRequest(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
  timeoutMs: number,
  tls?: TlsOptions,
): Promise<HttpAnswer> {
  const limit = { timeoutMs, endMs: performance.now() + timeoutMs };
  return overKept(method, (isKept) => attempt(isKept, method, url, headers, body, limit, tls));
}

function attempt(
  isKept: boolean,
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
  { timeoutMs, endMs }: { readonly timeoutMs: number; readonly endMs: number },
  tls: TlsOptions | undefined,
): Promise<HttpAnswer> {
  const isTls = url.startsWith('https:');
  const start = isTls ? requestHttps : requestHttp;
  const secure = isTls && tls !== undefined ? tlsConnectOptions(tls, new URL(url).hostname) : {};
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const own = isKept ? {} : { agent: false as const };
    const request = start(url, { method, headers: { ...headers, ...length }, ...own, ...secure }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > LONGEST_ANSWER)
          request.destroy(new Error(`the answer has more than ${LONGEST_ANSWER} characters`));
      });
      response.on('error', fail);
      // After its end this changes nothing; not every runtime calls an answer that breaks off an error.
      response.on('close', () => fail(new Error('the answer broke off')));
      response.on('end', () => {
        clearTimeout(timer);
        const { statusCode: status = 0, statusMessage: statusText = '', headers } = response;
        resolve({ status, statusText, text, headers });
      });
    });
    const onTime = () => {
      const error = Object.assign(new Error(`no answer within ${timeoutMs} ms`), { name: 'TimeoutError' });
      // First, as a request that is destroyed while its answer comes may tell of that only.
      fail(error);
      request.destroy(error);
    };
    const timer = setTimeout(onTime, Math.max(1, endMs - performance.now()));
    function fail(error: Error): void {
      clearTimeout(timer);
      reject(error);
    }
    request.on('error', (error) => fail(beforeAnswer(error)));
    request.end(body);
  });
}

/** An address without user and password, and the header that logs in there. @throws TypeError for no URL */
export function httpAddress(given: string, service: HttpService): { url: string; authorization: () => string | null } {
  const url = new URL(given.includes('://') ? given : `http://${given}`);
  const user = service.username ?? decodeURIComponent(url.username);
  const secret = service.password ?? decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  const { token } = service;
  const basic = user === '' ? null : `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
  return {
    url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    authorization: () => (token !== undefined && user === '' ? `Bearer ${token()}` : basic),
  };
}

export interface HttpFailure {
  readonly reason: string;
  readonly timedOut: boolean;
  /** What to set, where TLS is the reason. */
  readonly tlsHint: string | null;
}

/** How long a server is asked whether it speaks TLS. */
const ASK_TLS_MS = 1000;

/** Why a request failed, in plain words. `section` names the settings to speak of: 'registry', 'admin'. */
export async function httpFailure(
  error: unknown,
  url: string,
  { tls, timeoutMs = 10_000 }: HttpService,
  section: string,
): Promise<HttpFailure> {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return { reason: `no answer within ${timeoutMs} ms (request_timeout)`, timedOut: true, tlsHint: null };
  }
  const { code = '', message } = firstOf(error);
  const isTls = url.startsWith('https:');
  if (
    isTls &&
    /WRONG_VERSION_NUMBER|PACKET_LENGTH|wrong version number|InvalidContentType|corrupt message/i.test(
      `${code} ${message}`,
    )
  ) {
    const tlsHint = `set ${section}.tls.enabled=false, or give the address as http://`;
    return { reason: 'it speaks plain text, not TLS', timedOut: false, tlsHint };
  }
  const problem = isTls ? tlsProblem(error, tls, `${section}.tls`) : null;
  if (problem !== null) return { reason: problem.reason, timedOut: false, tlsHint: problem.hint };
  if (!isTls && /^(ECONNRESET|HPE_|EPIPE)/.test(code) && (await speaksTls(url))) {
    const tlsHint = `set ${section}.tls.enabled=true, or give the address as https://`;
    return { reason: 'it speaks TLS, not plain text', timedOut: false, tlsHint };
  }
  return { reason: message !== '' ? message : code, timedOut: false, tlsHint: null };
}

async function speaksTls(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return (await peerCertificate(hostname, Number(port || 80), {}, ASK_TLS_MS)) !== null;
}

/** Several addresses of one name failed: the first says enough. */
function firstOf(error: unknown): { readonly code?: string | undefined; readonly message: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  return error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
}
