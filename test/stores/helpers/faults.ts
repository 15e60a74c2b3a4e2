import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a server does to a request in place of its work. */
export type Fault =
  | { readonly status: number; readonly body: string }
  /** It is carried out so much later. */
  | { readonly delayMs: number }
  /** The connection ends without an answer. */
  | 'reset'
  /** There is never an answer. */
  | 'hang'
  /** The request is carried out, and the connection ends before its answer. */
  | 'answer lost'
  /** The answer ends in the middle of its body. */
  | 'torn';

export type Faulty = (request: { readonly method: string; readonly url: string }) => Fault | undefined;

/** True where the fault has answered, or never will, and the request is not to be carried out. */
export function applyFault(fault: Fault | undefined, request: IncomingMessage, response: ServerResponse): boolean {
  if (fault === undefined || fault === 'answer lost' || fault === 'torn') return false;
  if (typeof fault === 'object' && 'delayMs' in fault) return false;
  if (fault === 'hang') return true;
  if (fault === 'reset') request.socket.destroy();
  else response.writeHead(fault.status, { 'content-type': 'application/xml' }).end(fault.body);
  return true;
}

/** Sends an answer, or what the fault leaves of it. */
export function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array | string,
  fault: Fault | undefined,
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (fault === 'answer lost') {
    response.socket?.destroy();
    return;
  }
  response.writeHead(status, { ...headers, ...(status !== 204 && { 'content-length': String(bytes.length) }) });
  if (fault === 'torn') {
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.socket?.destroy());
    return;
  }
  response.end(bytes);
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
