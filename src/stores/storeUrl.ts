import { fileURLToPath } from 'node:url';
import { AnomalyError } from '../errors.ts';

/** Where objects are kept, as `checkpoint.store` and `models.registry` say. */
export type StoreUrl =
  | { readonly kind: 'file'; readonly directory: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }
  | { readonly kind: 'webhdfs'; readonly endpoint: string; readonly path: string; readonly user?: string };

/**
 * A directory, `file:///path`, `s3://bucket/prefix` or `webhdfs://user@namenode:9870/path` (`swebhdfs:` for https).
 *
 * @param setting the key that names it, for messages
 * @throws ANM_CONFIG naming what is wrong with it
 */
export function parseStoreUrl(text: string, setting = 'checkpoint.store'): StoreUrl {
  const refuse = (wrong: string, reason: string, hint: string): AnomalyError =>
    new AnomalyError('ANM_CONFIG', `${setting} cannot be ${wrong} as ${reason}`, {
      hint,
      details: { key: setting, value: wrong },
    });
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return { kind: 'file', directory: text };
    case 'file':
      return { kind: 'file', directory: fileDirectory(text) };
    case 's3':
    case 's3a':
      return s3Place(text, setting, refuse);
    case 'webhdfs':
    case 'swebhdfs':
      return webhdfsPlace(text, scheme, refuse);
    case 'hdfs':
      throw refuse(
        text,
        'hdfs: is the native protocol of HDFS',
        `give the HTTP port of the NameNode, as ${text.replace(/^hdfs:\/\/([^:/]*)(:\d+)?/i, 'webhdfs://$1:9870')}`,
      );
    case 'http':
    case 'https':
      throw refuse(text, 'it names no bucket', 'give s3://BUCKET/PREFIX, and the address as checkpoint.s3.endpoint');
    default:
      throw refuse(
        text,
        `there is no store of ${scheme}:`,
        'one of: a directory, file:, s3://BUCKET/PREFIX, webhdfs://HOST:PORT/PATH',
      );
  }
}

function fileDirectory(text: string): string {
  if (!/^file:\/\//i.test(text)) return text.replace(/^file:/i, '');
  try {
    return fileURLToPath(text);
  } catch {
    // file://state/dir means state/dir to most who write it.
    return text.replace(/^file:\/\//i, '');
  }
}

type Refuse = (wrong: string, reason: string, hint: string) => AnomalyError;

function s3Place(text: string, setting: string, refuse: Refuse): StoreUrl {
  const match = /^s3a?:\/\/([^/]+)\/?(.*)$/i.exec(text);
  if (match === null) throw refuse(text, 'it names no bucket', 'as s3://BUCKET/PREFIX');
  const [, bucket = '', path = ''] = match;
  if (bucket.includes('@') || bucket.includes(':')) {
    throw new AnomalyError('ANM_CONFIG', `${setting} cannot be s3: with credentials or a port in it`, {
      hint: 'give s3://BUCKET/PREFIX; keys come from the environment or checkpoint.s3.*, the address is checkpoint.s3.endpoint',
    });
  }
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) || bucket.includes('..')) {
    throw refuse(text, `${bucket} is no name of a bucket`, '3 to 63 lower-case letters, digits, points and hyphens');
  }
  const prefix = path.replace(/\/+/g, '/').replace(/^\/|\/$/g, '');
  return { kind: 's3', bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

function webhdfsPlace(text: string, scheme: string, refuse: Refuse): StoreUrl {
  let url: URL;
  try {
    // Other schemes than http have no host by the rules of URLs.
    url = new URL(text.replace(/^s?webhdfs:/i, scheme === 'webhdfs' ? 'http:' : 'https:'));
  } catch {
    throw refuse(text, 'it names no host', 'as webhdfs://NAMENODE:9870/PATH');
  }
  if (url.password !== '')
    throw refuse(text.replace(/:[^@/]*@/, '@'), 'WebHDFS has no passwords', 'give a user, or checkpoint.webhdfs.token');
  if (!/^\w+:\/\/[^/]*:\d+(\/|$)/.test(text)) url.port = scheme === 'webhdfs' ? '9870' : '9871';
  const path = decodeURIComponent(url.pathname)
    .replace(/\/+/g, '/')
    .replace(/(?<=.)\/$/, '');
  return {
    kind: 'webhdfs',
    endpoint: `${url.protocol}//${url.host}`,
    path,
    ...(url.username !== '' && { user: decodeURIComponent(url.username) }),
  };
}
