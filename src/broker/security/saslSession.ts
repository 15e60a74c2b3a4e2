import type { Clock } from '../clock.ts';
import type { ApiName, Response } from '../protocol/apis.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import type { CredentialStore } from './credentials.ts';
import { tokenOf, unsecuredClaims } from './oauthBearer.ts';
import { SaslFailure, ScramExchange, type ScramMechanism } from './scram.ts';

export type SaslMechanism = 'PLAIN' | ScramMechanism | 'OAUTHBEARER';

export const SASL_MECHANISMS: readonly SaslMechanism[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'];

/** What a listener asks of its clients. */
export interface SaslPolicy {
  readonly mechanisms: readonly SaslMechanism[];
  /** kafka_sasl_max_reauth_ms: a login counts this long, and has to be repeated (KIP-368). 0 = for ever. */
  readonly maxReauthMs: number;
}

/** An answer within an exchange; `user` is set when it ended well. */
interface Step {
  readonly reply: Buffer;
  readonly user?: string;
  readonly expiresMs?: number;
}

type Exchange = (message: Buffer) => Step;

/**
 * The login of one connection: SaslHandshake, then SaslAuthenticate (or, after version 0 of the handshake, bare tokens)
 * until the mechanism is through; once more when the login has run out. Source: KIP-43, KIP-152, KIP-368.
 */
export class SaslSession {
  /** Set when the last answer is the last one: the connection is closed after it. */
  failed = false;
  private readonly policy: SaslPolicy;
  private readonly credentials: CredentialStore;
  private readonly clock: Clock;
  private state: 'handshake' | 'authenticate' | 'tokens' | 'done' = 'handshake';
  private mechanism: SaslMechanism | undefined;
  private exchange: Exchange | undefined;
  private user: string | undefined;
  private expiresMs = Number.POSITIVE_INFINITY;

  constructor(policy: SaslPolicy, credentials: CredentialStore, clock: Clock) {
    this.policy = policy;
    this.credentials = credentials;
    this.clock = clock;
  }

  /** The next frame is a bare token without a header. */
  get takesTokens(): boolean {
    return this.state === 'tokens';
  }

  get isLoggedIn(): boolean {
    return this.user !== undefined;
  }

  /** What happens to a request: it is handled, refused with ILLEGAL_SASL_STATE, or costs the connection. */
  verdict(api: ApiName): 'handle' | 'illegal' | 'close' {
    const isSasl = api === 'SaslHandshake' || api === 'SaslAuthenticate';
    if (this.state === 'done') return isSasl || this.clock.now() < this.expiresMs ? 'handle' : 'close';
    if (this.state === 'authenticate') return api === 'SaslAuthenticate' ? 'handle' : 'illegal';
    return api === 'SaslHandshake' || api === 'ApiVersions' ? 'handle' : 'close';
  }

  handshake(wanted: string, version: number): Response<'SaslHandshake'> {
    const mechanisms = [...this.policy.mechanisms];
    const isAgain = this.state === 'done';
    if (isAgain && this.policy.maxReauthMs === 0 && this.expiresMs === Number.POSITIVE_INFINITY) {
      return { errorCode: KafkaError.ILLEGAL_SASL_STATE, mechanisms };
    }
    const mechanism = mechanisms.find((each) => each === wanted);
    if (mechanism === undefined || (isAgain && mechanism !== this.mechanism)) {
      this.failed = true;
      return { errorCode: KafkaError.UNSUPPORTED_SASL_MECHANISM, mechanisms };
    }
    this.mechanism = mechanism;
    this.exchange = this.exchangeOf(mechanism);
    this.state = version === 0 ? 'tokens' : 'authenticate';
    return { errorCode: KafkaError.NONE, mechanisms };
  }

  authenticate(authBytes: Buffer): Response<'SaslAuthenticate'> {
    if (this.state !== 'authenticate') {
      const errorMessage = 'SaslAuthenticate without a SaslHandshake before it';
      return { errorCode: KafkaError.ILLEGAL_SASL_STATE, errorMessage };
    }
    try {
      const reply = this.step(authBytes);
      return { authBytes: reply, sessionLifetimeMs: this.lifetimeMs() };
    } catch (error) {
      if (!(error instanceof SaslFailure)) throw error;
      this.failed = true;
      const errorMessage = `authentication by ${this.mechanism} failed: ${error.message}`;
      return { errorCode: KafkaError.SASL_AUTHENTICATION_FAILED, errorMessage };
    }
  }

  /** The answer to a bare token; a failure has none but the end of the connection. @throws SaslFailure */
  token(bytes: Buffer): Buffer {
    return this.step(bytes);
  }

  private step(message: Buffer): Buffer {
    const { reply, user, expiresMs } = this.exchange!(message);
    if (user === undefined) return reply;
    if (this.user !== undefined && this.user !== user) {
      throw new SaslFailure(`the connection is of ${this.user} and cannot become another user's`);
    }
    this.user = user;
    const { maxReauthMs } = this.policy;
    const reauthMs = maxReauthMs === 0 ? Number.POSITIVE_INFINITY : this.clock.now() + maxReauthMs;
    this.expiresMs = Math.min(expiresMs ?? Number.POSITIVE_INFINITY, reauthMs);
    this.state = 'done';
    return reply;
  }

  private lifetimeMs(): number {
    const isLimited = this.state === 'done' && this.expiresMs !== Number.POSITIVE_INFINITY;
    return isLimited ? Math.max(1, this.expiresMs - this.clock.now()) : 0;
  }

  private exchangeOf(mechanism: SaslMechanism): Exchange {
    switch (mechanism) {
      case 'PLAIN':
        return (message) => this.plain(message);
      case 'OAUTHBEARER':
        return this.oauthBearer();
      default: {
        const scram = new ScramExchange(mechanism, (user) => this.credentials.get(user, mechanism));
        return (message) => {
          const { reply, done } = scram.step(message);
          return done ? { reply, user: scram.user } : { reply };
        };
      }
    }
  }

  /** Source: RFC 4616: authorization id, user and password with NUL between. */
  private plain(message: Buffer): Step {
    const [authorizationId, user, password, ...rest] = message.toString('utf8').split('\0');
    if (user === undefined || password === undefined || rest.length > 0) {
      throw new SaslFailure('the PLAIN message cannot be read');
    }
    if (authorizationId !== '' && authorizationId !== user) {
      throw new SaslFailure('the authorization id is not the user');
    }
    if (!this.credentials.isPassword(user, password)) throw new SaslFailure('invalid credentials');
    return { reply: Buffer.alloc(0), user };
  }

  /** A refused token is told in JSON first; the failure itself comes when the client has taken note of it. */
  private oauthBearer(): Exchange {
    let isRefused = false;
    return (message) => {
      if (isRefused) throw new SaslFailure('invalid token');
      const claims = unsecuredClaims(tokenOf(message), this.clock.now());
      if (claims !== null) return { reply: Buffer.alloc(0), ...claims };
      isRefused = true;
      return { reply: Buffer.from('{"status":"invalid_token"}') };
    };
  }
}
