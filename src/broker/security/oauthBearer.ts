import { SaslFailure } from './scram.ts';

export interface TokenClaims {
  readonly user: string;
  /** Epoch milliseconds. */
  readonly expiresMs: number;
}

const CLIENT_RESPONSE = /^n,(?:a=[^,]*)?,\x01auth=Bearer ([^\x01]+)(?:\x01[^\x01=]+=[^\x01]*)*\x01\x01$/;

/** The token of a client's first message. Source: RFC 7628, section 3.1. */
export function tokenOf(message: Buffer): string {
  const match = CLIENT_RESPONSE.exec(message.toString('utf8'));
  if (match === null) throw new SaslFailure('the OAUTHBEARER message cannot be read');
  return match[1]!;
}

/**
 * Claims of an unsecured JWS (RFC 7515, appendix A.5), which says who it is for and is signed by nobody: for
 * development, as Kafka's own unsecured validator. Null where it is malformed, signed, or out of its time.
 */
export function unsecuredClaims(token: string, nowMs: number): TokenClaims | null {
  const [header, claims, signature, ...rest] = token.split('.');
  const { alg } = jsonOf(header);
  const { sub, exp, iat } = jsonOf(claims);
  if (alg !== 'none' || signature !== '' || rest.length > 0) return null;
  if (typeof sub !== 'string' || sub === '' || typeof exp !== 'number') return null;
  if (exp * 1000 <= nowMs || (typeof iat === 'number' && iat * 1000 > nowMs + 60_000)) return null;
  return { user: sub, expiresMs: exp * 1000 };
}

function jsonOf(part: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
