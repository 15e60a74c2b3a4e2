import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { applyFault, bodyOf, type Fault, type Faulty, send } from './faults.ts';

interface FileNode {
  body: Buffer;
  modifiedMs: number;
  readonly fileId: number;
}

export interface FakeWebhdfs {
  /** host:port of the NameNode. */
  readonly host: string;
  /** Absolute path to file; directories to undefined. */
  readonly files: Map<string, FileNode | undefined>;
  readonly log: string[];
  faulty: Faulty;
  /** As HttpFS: redirects only by status, and no options of a rename. */
  isHttpfs: boolean;
  close(): Promise<void>;
}

export const USER = 'anomaly';

/**
 * A NameNode and a DataNode by the rules of the WebHDFS page of Hadoop: data in a second request, parents made by
 * CREATE, renames that refuse or replace, deletes that refuse what is not empty. A file that is being written can be
 * read before it is whole, as in HDFS.
 */
export async function startFakeWebhdfs(): Promise<FakeWebhdfs> {
  const fake = {
    host: '',
    files: new Map<string, FileNode | undefined>([['/', undefined]]),
    log: [] as string[],
    faulty: (() => undefined) as Faulty,
    isHttpfs: false,
  };
  let dataHost = '';
  const serve = (
    handle: (request: IncomingMessage, response: ServerResponse, fault: Fault | undefined) => Promise<void>,
  ) =>
    createServer((request, response) => {
      const method = request.method ?? '';
      const url = request.url ?? '';
      fake.log.push(`${method} ${url}`);
      const fault = fake.faulty({ method, url });
      if (applyFault(fault, request, response)) return;
      void handle(request, response, fault).catch(() => request.socket.destroy());
    });
  const nameNode = serve((request, response, fault) => name(fake, dataHost, request, response, fault));
  const dataNode = serve((request, response, fault) => data(fake, request, response, fault));
  for (const server of [nameNode, dataNode])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fake.host = `127.0.0.1:${(nameNode.address() as AddressInfo).port}`;
  dataHost = `127.0.0.1:${(dataNode.address() as AddressInfo).port}`;
  const stop = (server: typeof nameNode) =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return Object.assign(fake, { close: async () => void (await Promise.all([nameNode, dataNode].map(stop))) });
}

type State = Pick<FakeWebhdfs, 'files' | 'isHttpfs'>;

function remote(exception: string, message: string): string {
  return JSON.stringify({ RemoteException: { exception, javaClassName: `org.apache.hadoop.${exception}`, message } });
}

async function name(
  fake: State,
  dataHost: string,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
): Promise<void> {
  await bodyOf(request);
  const url = new URL(request.url ?? '', 'http://hdfs');
  const query = url.searchParams;
  const json = (status: number, text: string) =>
    send(response, status, { 'content-type': 'application/json' }, text, fault);
  if (!url.pathname.startsWith('/webhdfs/v1')) return json(404, 'there is nothing here');
  const path = decodeURIComponent(url.pathname.slice('/webhdfs/v1'.length)) || '/';
  if (query.get('user.name') !== USER) {
    return json(
      403,
      remote('AccessControlException', `Permission denied: user=${query.get('user.name')}, access=WRITE`),
    );
  }
  const { files } = fake;
  const op = `${request.method} ${query.get('op')}`;
  for (let above = parentOf(path); above !== '/'; above = parentOf(above)) {
    if (files.get(above) === undefined) continue;
    return json(403, remote('AccessControlException', `${above} (is not a directory)`));
  }
  switch (op) {
    case 'PUT CREATE':
    case 'GET OPEN': {
      if (op === 'GET OPEN' && files.get(path) === undefined) return json(404, notFound(path));
      query.set('path', path);
      const location = `http://${dataHost}/webhdfs/v1/data?${query}`;
      if (fake.isHttpfs || query.get('noredirect') !== 'true') return send(response, 307, { location }, '', fault);
      return json(200, JSON.stringify({ Location: location }));
    }
    case 'GET GETFILESTATUS':
      return files.has(path)
        ? json(200, JSON.stringify({ FileStatus: status(fake, path, '') }))
        : json(404, notFound(path));
    case 'GET LISTSTATUS': {
      if (!files.has(path)) return json(404, notFound(path));
      const children = [...files.keys()].filter((each) => each !== '/' && parentOf(each) === path);
      const listed = children.map((each) => status(fake, each, each.slice(each.lastIndexOf('/') + 1)));
      return json(200, JSON.stringify({ FileStatuses: { FileStatus: listed } }));
    }
    case 'DELETE DELETE': {
      const hasChildren = [...files.keys()].some((each) => each !== path && parentOf(each) === path);
      if (hasChildren) return json(403, remote('PathIsNotEmptyDirectoryException', `${path} is non empty`));
      return json(200, JSON.stringify({ boolean: files.delete(path) }));
    }
    case 'PUT RENAME': {
      const to = query.get('destination') ?? '';
      const node = files.get(path);
      if (node === undefined) return json(404, notFound(path));
      const replaces = !fake.isHttpfs && query.get('renameoptions') === 'OVERWRITE';
      if (files.has(to) && !replaces) return json(200, '{"boolean":false}');
      files.delete(path);
      files.set(to, node);
      return replaces ? send(response, 200, {}, '', fault) : json(200, '{"boolean":true}');
    }
    default:
      return json(400, remote('IllegalArgumentException', `Invalid value for webhdfs parameter "op": ${op}`));
  }
}

let nextId = 16_386;

async function data(
  fake: State,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
): Promise<void> {
  const query = new URL(request.url ?? '', 'http://hdfs').searchParams;
  const path = query.get('path') ?? '';
  const { files } = fake;
  if (request.method === 'PUT') {
    for (let parent = parentOf(path); !files.has(parent); parent = parentOf(parent)) files.set(parent, undefined);
    const node: FileNode = { body: Buffer.alloc(0), modifiedMs: Date.now(), fileId: nextId++ };
    files.set(path, node);
    for await (const chunk of request) node.body = Buffer.concat([node.body, chunk as Buffer]);
    return send(response, 201, {}, '', fault);
  }
  const node = files.get(path);
  if (node === undefined) return send(response, 404, {}, notFound(path), fault);
  const offset = Number(query.get('offset') ?? 0);
  return send(response, 200, {}, node.body.subarray(offset, offset + Number(query.get('length') ?? Infinity)), fault);
}

function status({ files, isHttpfs }: State, path: string, pathSuffix: string) {
  const node = files.get(path);
  const type = node === undefined ? 'DIRECTORY' : 'FILE';
  return {
    pathSuffix,
    type,
    length: node?.body.length ?? 0,
    modificationTime: node?.modifiedMs ?? 0,
    ...(!isHttpfs && { fileId: node?.fileId }),
  };
}

function notFound(path: string): string {
  return remote('FileNotFoundException', `File does not exist: ${path}`);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
