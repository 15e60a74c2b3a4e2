import { rootCertificates } from 'node:tls';
import { type HttpAnswer, httpAddress, httpFailure, httpRequest } from '../../clients/http.ts';
import type { SendResult } from '../delivery/sink.ts';

/** A POST of JSON to a receiver. */
export interface HttpPost {
  readonly url: string;
  /** Values are secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  /** PEM of a certificate authority beside the known ones. */
  readonly ca?: string | undefined;
  /** A part of the body that nobody is to see. */
  readonly secret?: string;
}

/** Which answers mean that it was taken, and which that it never will be. */
export interface AnswerRules {
  isTaken(status: number): boolean;
  isRefused(status: number): boolean;
}

const LONGEST_SHOWN = 200;

/**
 * One POST, over a connection of its own: alerts are rare, and a kept one may be dead by then. Follows no redirect, and
 * takes no proxy from the environment. Never rejects. What it says has no secrets: an address is shown by its host, and of
 * the answer's text only what holds no header value and nothing of the address.
 */
export async function httpPost(post: HttpPost, rules: AnswerRules): Promise<SendResult> {
  const { headers, body, timeoutMs, ca } = post;
  const { host, search } = new URL(post.url);
  const address = httpAddress(post.url, { urls: [] });
  const authorization = address.authorization();
  // The path as it is given, a slash at its end included.
  const url = `${new URL(post.url).origin}${new URL(post.url).pathname}${search}`;
  const tls = ca === undefined ? undefined : { ca: [...rootCertificates, ca].join('\n') };
  const all = {
    ...{ 'content-type': 'application/json', connection: 'close' },
    ...(authorization !== null && { authorization }),
    ...headers,
  };
  let answer: HttpAnswer;
  try {
    answer = await httpRequest('POST', url, all, body, timeoutMs, tls);
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError') {
      return { kind: 'retry', problem: `${host}: no answer within ${timeoutMs} ms (timeout)` };
    }
    const { reason, tlsHint } = await httpFailure(error, url, tls === undefined ? { urls: [] } : { urls: [], tls }, '');
    const hint = tlsHint?.includes('tls.ca') === true ? '; set ca of the sink to the certificate of its authority' : '';
    return { kind: 'retry', problem: `${host}: ${reason}${hint}`, isUnreachable: true };
  }
  if (rules.isTaken(answer.status)) return { kind: 'delivered' };
  const problem = `${host} answered ${answer.status}${shown(answer, { ...post, headers: all })}`;
  if (rules.isRefused(answer.status)) return { kind: 'refused', problem };
  const afterMs = retryAfterMs(answer.headers['retry-after']);
  return {
    kind: 'retry',
    problem,
    ...(answer.status === 429 && { busy: true }),
    ...(afterMs !== null && { afterMs }),
  };
}

/** Of seconds; a date is left aside, as clocks differ. */
function retryAfterMs(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,6}$/.test(text.trim()) ? Number(text) * 1000 : null;
}

/** A receiver may repeat what it was sent, whole or a part of it, or as JSON that escapes slashes. */
function shown({ text, statusText }: HttpAnswer, { url, headers, secret }: HttpPost): string {
  const whole = (text.trim() === '' ? statusText : text).replace(/\s+/g, ' ').trim();
  const said = secret === undefined ? whole : whole.replaceAll(secret, '********');
  const { pathname, search } = new URL(url);
  const values = Object.entries(headers).flatMap(([name, value]) =>
    OWN_HEADERS.has(name.toLowerCase()) ? [] : value.split(/[\s,]+/),
  );
  const parts = `${pathname}${search}`.split(/[/?&=]/).filter(({ length }) => length > LONGEST_WORD);
  // All of it is looked at: what is shown may end within a secret.
  const plain = said.replaceAll('\\/', '/');
  const isClean = [...values, pathname, search.slice(1), ...parts].every(
    (each) => each.length < 4 || !plain.includes(each),
  );
  return said === '' || !isClean ? '' : `: ${said.slice(0, LONGEST_SHOWN)}`;
}

const OWN_HEADERS: ReadonlySet<string> = new Set(['content-type', 'connection']);
/** A part of an address that is longer may be a secret; `services` and the like are none. */
const LONGEST_WORD = 8;

/** What most receivers mean. */
export const USUAL_RULES: AnswerRules = {
  isTaken: (status) => status >= 200 && status < 300,
  // The body is at fault. All else may be mended at the receiver, and is tried again.
  isRefused: (status) => status === 400 || status === 413 || status === 422,
};
