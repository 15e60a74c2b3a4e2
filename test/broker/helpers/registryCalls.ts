import assert from 'node:assert/strict';

export interface RegistryReply {
  readonly status: number;
  readonly type: string | null;
  // The tests look into it freely.
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  readonly body: any;
}

/** Plain requests to a registry, for what our own client never sends. */
export function registryCalls(url: () => string) {
  async function call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<RegistryReply> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(url() + path, {
      method,
      ...(body === undefined ? {} : { body: text, headers: { 'content-type': type } }),
    });
    const answer = await response.text();
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: answer === '' ? null : JSON.parse(answer),
    };
  }

  /** The message of a refusal. */
  async function refused(code: number, method: string, path: string, body?: unknown): Promise<string> {
    const answer = await call(method, path, body);
    const status = code < 1000 ? code : Math.floor(code / 100);
    assert.deepEqual([answer.status, answer.body.error_code], [status, code], JSON.stringify(answer.body));
    assert.equal(typeof answer.body.message, 'string');
    return answer.body.message;
  }

  const versions = (subject: string) => `/subjects/${encodeURIComponent(subject)}/versions`;
  return {
    call,
    refused,
    versions,
    register: (subject: string, schema: unknown, more: object = {}) => {
      return call('POST', versions(subject), { schema: textOf(schema), ...more });
    },
    check: (subject: string, schema: unknown, more: object = {}) => {
      const path = `/compatibility${versions(subject)}/latest?verbose=true`;
      return call('POST', path, { schema: textOf(schema), ...more });
    },
  };
}

export function textOf(schema: unknown): string {
  return typeof schema === 'string' ? schema : JSON.stringify(schema);
}

export const avroRecord = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'Reading', fields });
