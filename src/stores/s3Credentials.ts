import { AnomalyError } from '../errors.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Where they came from, for messages. */
  readonly origin: string;
}

export interface CredentialSources {
  /** Of checkpoint.s3.*, which are stronger than all else. */
  readonly settings: {
    readonly accessKeyId?: string;
    readonly secretAccessKey?: string;
    readonly sessionToken?: string;
  };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of AWS's credentials file and its text, undefined where there is none. */
  readonly file: { readonly path: string; readonly text: string | undefined };
  /** Section of that file. */
  readonly profile: string;
}

/**
 * Settings, else AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else a profile of the credentials file, as AWS's own tools
 * look for them.
 *
 * @throws ANM_STORE_DENIED where there are none, ANM_CONFIG for half of them
 */
export function findCredentials({ settings, env, file, profile }: CredentialSources): S3Credentials {
  const own = pair(
    settings.accessKeyId,
    settings.secretAccessKey,
    settings.sessionToken,
    'checkpoint.s3.access_key_id',
    'checkpoint.s3.secret_access_key',
  );
  if (own !== undefined) return own;
  const given = pair(
    env['AWS_ACCESS_KEY_ID'],
    env['AWS_SECRET_ACCESS_KEY'],
    env['AWS_SESSION_TOKEN'],
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
  );
  if (given !== undefined) return given;
  const section = file.text === undefined ? undefined : readProfile(file.text, profile);
  const origin = `profile ${profile} of ${file.path}`;
  const filed = pair(
    section?.get('aws_access_key_id'),
    section?.get('aws_secret_access_key'),
    section?.get('aws_session_token'),
    `aws_access_key_id in ${origin}`,
    'aws_secret_access_key',
    origin,
  );
  if (filed !== undefined) return filed;
  throw new AnomalyError('ANM_STORE_DENIED', 'cannot use an s3: store as there are no credentials', {
    hint: `set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, checkpoint.s3.access_key_id and secret_access_key, or ${origin}`,
  });
}

function pair(
  id: string | undefined,
  secret: string | undefined,
  token: string | undefined,
  idName: string,
  secretName: string,
  origin = idName,
): S3Credentials | undefined {
  if ((id ?? '') === '' && (secret ?? '') === '') return undefined;
  if (id !== undefined && id !== '' && secret !== undefined && secret !== '') {
    const sessionToken = token === undefined || token === '' ? {} : { sessionToken: token };
    return { accessKeyId: id, secretAccessKey: secret, ...sessionToken, origin };
  }
  const [there, missing] = (secret ?? '') === '' ? [idName, secretName] : [secretName, idName];
  throw new AnomalyError('ANM_CONFIG', `cannot use an s3: store as ${there} is set and ${missing} is not`);
}

/** A section of AWS's credentials file: `[name]`, then `key = value` lines. */
export function readProfile(text: string, profile: string): ReadonlyMap<string, string> | undefined {
  let isOurs = false;
  let found: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]/.exec(line);
    if (header !== null) {
      isOurs = header[1] === profile;
      if (isOurs) found ??= new Map();
      continue;
    }
    const entry = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line);
    if (entry !== null && isOurs) found?.set(entry[1]!.toLowerCase(), entry[2]!);
  }
  return found;
}
