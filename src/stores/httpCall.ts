import { type Agent, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { beforeAnswer, type Connections } from '../platform/connections.ts';
import { DeadlineError } from './storeErrors.ts';

export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
  /** For the request and its answer, together. */
  readonly deadlineMs: number;
  readonly connections: Connections;
}

export interface HttpReply {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: Buffer;
}

/**
 * One HTTP request, its body given in parts that are not joined. `fetch` would send such a body without its length.
 * Follows no redirect. A kept connection that was closed while it was idle is replaced once, with a deadline of its own.
 * Rejects with the socket's error or a DeadlineError.
 */
export function httpCall(call: HttpCall): Promise<HttpReply> {
  return call.connections.send(call.method, (agent) => httpAttempt(call, agent));
}

function httpAttempt({ method, url, headers = {}, body, deadlineMs }: HttpCall, agent: Agent): Promise<HttpReply> {
  const start = url.startsWith('https:') ? requestHttps : requestHttp;
  const length = body?.reduce((sum, part) => sum + part.length, 0);
  const all = { ...headers, ...(length !== undefined && { 'content-length': String(length) }) };
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => request.destroy(new DeadlineError(deadlineMs)), deadlineMs);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    const request = start(url, { method, headers: all, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', fail);
      // After its end this changes nothing; not every runtime calls an answer that breaks off an error.
      response.once('close', () => fail(new Error('aborted: the answer broke off')));
      response.once('end', () => {
        clearTimeout(timer);
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
        });
      });
    });
    request.once('error', (error) => fail(beforeAnswer(error)));
    // What breaks later is told by the answer; without a listener it would end the process.
    request.on('error', () => {});
    for (const part of body ?? []) if (part.length > 0) request.write(part);
    request.end();
  });
}
