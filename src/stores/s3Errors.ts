import { BusyError, ForeignError } from './s3Transport.ts';
import { networkFault, type StoreFault } from './storeErrors.ts';

/** What an S3 service says in an error, as far as it is of use. */
export interface S3Answer {
  readonly code: string;
  readonly message: string;
  readonly requestTime?: string;
  readonly serverTime?: string;
  /** The region that a request should have been signed for. */
  readonly region?: string;
}

export interface S3Place {
  /** host:port. */
  readonly host: string;
  readonly bucket: string;
  /** Where the credentials came from, for messages. */
  readonly credentials: string;
  /** The server's clock minus ours, where an answer had one. */
  readonly skewMs: number | undefined;
}

const DENIED = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'AccountProblem',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidSecurity',
  'InvalidToken',
  'InvalidTokenId',
  'NotSignedUp',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
  'UnauthorizedAccess',
  'XMinioInvalidIAMCredentials',
]);
const FULL = new Set([
  'InsufficientStorage',
  'QuotaExceeded',
  'StorageFull',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
]);
const REGION = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'MovedPermanently',
  'PermanentRedirect',
]);
const PASSING = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'InternalError',
  'OperationAborted',
  'PreconditionFailed',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'ThrottlingException',
  'XAmzContentSHA256Mismatch',
  'XMinioReadQuorum',
  'XMinioServerNotInitialized',
  'XMinioWriteQuorum',
]);

/** The answer behind an error of the package; undefined for one of the network or of the package itself. */
export function s3Answer(error: unknown): S3Answer | undefined {
  if (error instanceof BusyError) {
    const code = tag(error.body, 'Code') ?? `HTTP ${error.status}`;
    return { code, message: tag(error.body, 'Message') ?? '' };
  }
  const fields = error as Readonly<Record<string, unknown>> | null;
  const code = fields?.['code'] ?? fields?.['Code'];
  if (typeof code !== 'string' || (fields?.['syscall'] !== undefined && fields['syscall'] !== null)) return undefined;
  const isS3 = (error as Error).constructor?.name === 'S3Error' || 'amzRequestid' in (fields as object);
  if (!isS3) return undefined;
  const text = (key: string): string | undefined => (fields?.[key] === undefined ? undefined : String(fields[key]));
  const requestTime = text('requesttime');
  const serverTime = text('servertime');
  const region = text('region') ?? text('amzBucketRegion');
  return {
    code,
    message: text('message') ?? '',
    ...(requestTime !== undefined && { requestTime }),
    ...(serverTime !== undefined && { serverTime }),
    ...(region !== undefined && { region }),
  };
}

/** Of a foreign answer, for messages. */
const SHOWN_CHARACTERS = 100;

/** Why a request failed, and what to try. */
export function s3Fault(error: unknown, place: S3Place): StoreFault {
  if (error instanceof ForeignError) {
    const begin = error.body.slice(0, SHOWN_CHARACTERS).replace(/\s+/g, ' ').trim();
    return {
      code: 'ANM_PROTOCOL',
      reason: `${place.host} does not answer as S3 does: HTTP ${error.status} ${begin}`,
      hint: 'see whether checkpoint.s3.endpoint is the address of an S3 service, and its port that of the API',
    };
  }
  const answer = s3Answer(error);
  if (answer === undefined) {
    return (
      networkFault(error, place.host) ?? {
        code: 'ANM_PROTOCOL',
        reason: error instanceof Error ? error.message : String(error),
      }
    );
  }
  const { code, message } = answer;
  const said = message === '' ? code : `${code}: ${message}`;
  if (code === 'RequestTimeTooSkewed') return skewFault(answer, place);
  if (code === 'NoSuchBucket') {
    return {
      code: 'ANM_STORE_MISSING',
      reason: `there is no bucket ${place.bucket} at ${place.host}`,
      hint: `create it (mc mb, aws s3 mb s3://${place.bucket}), or correct the name`,
    };
  }
  if (DENIED.has(code)) {
    return {
      code: 'ANM_STORE_DENIED',
      reason: `${place.host} refuses: ${said}`,
      hint: `the credentials are from ${place.credentials}; they need s3:GetObject, PutObject, DeleteObject and ListBucket on ${place.bucket}`,
    };
  }
  if (REGION.has(code)) {
    return {
      code: 'ANM_STORE_DENIED',
      reason: `the bucket is of another region: ${said}`,
      hint: answer.region === undefined ? 'set checkpoint.s3.region' : `set checkpoint.s3.region to ${answer.region}`,
    };
  }
  if (FULL.has(code)) return { code: 'ANM_STORE_FULL', reason: `${place.host} has no room: ${said}` };
  if (PASSING.has(code) || code.startsWith('HTTP ')) {
    return { code: 'ANM_STORE_UNREACHABLE', reason: `${place.host} is not able to at the moment: ${said}` };
  }
  return {
    code: 'ANM_PROTOCOL',
    reason: `${place.host} answers ${said}`,
    hint: 'the answer is of the store; see its documentation',
  };
}

function skewFault(answer: S3Answer, { host, skewMs }: S3Place): StoreFault {
  const now = Date.now();
  const here = answer.requestTime === undefined ? new Date(now).toISOString() : isoTime(answer.requestTime);
  const there = answer.serverTime === undefined ? serverTime(now, skewMs) : isoTime(answer.serverTime);
  return {
    code: 'ANM_STORE_DENIED',
    reason: `the clocks differ too much: here it is ${here}, at ${host} ${there} (RequestTimeTooSkewed)`,
    hint: 'set the clock of this machine (timedatectl, chronyc tracking); S3 takes at most 15 minutes',
    details: { request_time: here, server_time: there },
  };
}

function serverTime(now: number, skewMs: number | undefined): string {
  return skewMs === undefined ? 'another time' : new Date(now + skewMs).toISOString();
}

/** 20261126T152300Z, as requests carry it, or ISO 8601. */
function isoTime(text: string): string {
  const compact = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  return compact === null ? text : `${compact.slice(1, 4).join('-')}T${compact.slice(4, 7).join(':')}Z`;
}

function tag(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}
