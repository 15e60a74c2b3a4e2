import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

/** What a server keeps of a password: enough to check it, not enough to log in elsewhere with it. */
export interface ScramCredential {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Kafka's bounds for the iterations of a credential. */
export const LEAST_ITERATIONS = 4096;
export const MOST_ITERATIONS = 16_384;

const HASHES = {
  'SCRAM-SHA-256': { name: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { name: 'sha512', bytes: 64 },
} as const;

/** The exchange is over, and not well. The message is for the server's log and the client alike: it holds no secret. */
export class SaslFailure extends Error {}

export function scramCredential(
  mechanism: ScramMechanism,
  password: string,
  iterations = LEAST_ITERATIONS,
  salt = randomBytes(16),
): ScramCredential {
  return credentialOf(mechanism, saltedPassword(mechanism, password, salt, iterations), salt, iterations);
}

/** From a password that the client salted itself, as AlterUserScramCredentials sends it. */
export function credentialOf(
  mechanism: ScramMechanism,
  salted: Buffer,
  salt: Buffer,
  iterations: number,
): ScramCredential {
  const storedKey = hash(mechanism, hmac(mechanism, salted, 'Client Key'));
  return { iterations, salt, storedKey, serverKey: hmac(mechanism, salted, 'Server Key') };
}

/** Whether this is the password behind a credential. */
export function isPassword(mechanism: ScramMechanism, credential: ScramCredential, password: string): boolean {
  const salted = saltedPassword(mechanism, password, credential.salt, credential.iterations);
  return timingSafeEqual(hash(mechanism, hmac(mechanism, salted, 'Client Key')), credential.storedKey);
}

/** GS2 header, optional authorization id, and the bare message: n=user,r=nonce and extensions. */
const CLIENT_FIRST = /^((?:n|y|p=[^,]*),(?:a=([^,]*))?,)(n=([^,]*),r=([^,]+)(?:,.*)?)$/;
const CLIENT_FINAL = /^(c=([^,]*),r=([^,]*)),p=([^,]*)$/;

/** The server's side of one SCRAM exchange. Source: RFC 5802, sections 3 and 5. */
export class ScramExchange {
  user = '';
  private readonly mechanism: ScramMechanism;
  private readonly find: (user: string) => ScramCredential | undefined;
  private readonly serverNonce: string;
  private credential: ScramCredential | undefined;
  private header = '';
  private nonce = '';
  private messages = '';

  constructor(
    mechanism: ScramMechanism,
    find: (user: string) => ScramCredential | undefined,
    serverNonce = randomBytes(18).toString('base64url'),
  ) {
    this.mechanism = mechanism;
    this.find = find;
    this.serverNonce = serverNonce;
  }

  /** The answer to a message of the client; `done` when the client has proved to know the password. */
  step(message: Buffer): { reply: Buffer; done: boolean } {
    const text = message.toString('utf8');
    if (this.credential === undefined) return { reply: this.first(text), done: false };
    return { reply: this.final(text, this.credential), done: true };
  }

  private first(text: string): Buffer {
    const match = CLIENT_FIRST.exec(text);
    if (match === null) throw new SaslFailure('the first SCRAM message cannot be read');
    const [, header, authorizationId, bare, name, clientNonce] = match;
    if (header!.startsWith('p')) throw new SaslFailure('channel binding is not supported');
    this.user = decodeName(name!);
    if (authorizationId !== undefined && decodeName(authorizationId) !== this.user) {
      throw new SaslFailure('the authorization id is not the user');
    }
    this.credential = this.find(this.user);
    if (this.credential === undefined) throw new SaslFailure('invalid credentials');
    this.header = header!;
    this.nonce = clientNonce! + this.serverNonce;
    const { salt, iterations } = this.credential;
    const reply = `r=${this.nonce},s=${salt.toString('base64')},i=${iterations}`;
    this.messages = `${bare},${reply}`;
    return Buffer.from(reply);
  }

  private final(text: string, credential: ScramCredential): Buffer {
    const match = CLIENT_FINAL.exec(text);
    if (match === null) throw new SaslFailure('the final SCRAM message cannot be read');
    const [, withoutProof, binding, nonce, proofText] = match;
    // librdkafka before 2.6.1 sends its own part of the nonce twice; Kafka before 4 and Redpanda let it pass.
    if (Buffer.from(binding!, 'base64').toString('utf8') !== this.header || !nonce!.endsWith(this.nonce)) {
      throw new SaslFailure('the final SCRAM message does not belong to the first');
    }
    const authMessage = `${this.messages},${withoutProof}`;
    const signature = hmac(this.mechanism, credential.storedKey, authMessage);
    const proof = Buffer.from(proofText!, 'base64');
    if (proof.length !== signature.length) throw new SaslFailure('invalid credentials');
    const clientKey = Buffer.from(signature.map((byte, i) => byte ^ proof[i]!));
    if (!timingSafeEqual(hash(this.mechanism, clientKey), credential.storedKey)) {
      throw new SaslFailure('invalid credentials');
    }
    return Buffer.from(`v=${hmac(this.mechanism, credential.serverKey, authMessage).toString('base64')}`);
  }
}

function decodeName(text: string): string {
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

function saltedPassword(mechanism: ScramMechanism, password: string, salt: Buffer, iterations: number): Buffer {
  const { name, bytes } = HASHES[mechanism];
  return pbkdf2Sync(password, salt, iterations, bytes, name);
}

function hash(mechanism: ScramMechanism, bytes: Buffer): Buffer {
  return createHash(HASHES[mechanism].name).update(bytes).digest();
}

function hmac(mechanism: ScramMechanism, key: Buffer, text: string): Buffer {
  return createHmac(HASHES[mechanism].name, key).update(text).digest();
}
