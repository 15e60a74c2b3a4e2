import type { SaslOptions } from '../client.ts';
import { credentialsRefused, loginUnwanted, mechanismMissing } from '../explainFailure.ts';
import { kafkaError } from '../kafkaErrors.ts';
import type { BrokerSocket } from './brokerSocket.ts';

type Library = typeof import('./library.ts');
type AuthenticateApi = Parameters<Library['saslPlain']['authenticate']>[0];
type Answer = ReturnType<Library['saslAuthenticateV2']['parseResponse']>;

/** The part of a login's lifetime after which another connection takes over, as the library has it. */
const EXPIRES_AT = 0.8;

/** Logs a new connection in. Rejects with ANM_AUTHENTICATION, or with the failure of the connection. */
export async function logIn(
  library: Library,
  socket: BrokerSocket,
  sasl: SaslOptions,
  timeoutMs: number,
): Promise<void> {
  const connection = socket.asConnection(timeoutMs);
  const { errorCode, mechanisms } = await library.saslHandshakeV1.api.async(connection, sasl.mechanism);
  const { name } = kafkaError(errorCode);
  if (name === 'ILLEGAL_SASL_STATE') throw loginUnwanted(socket.address);
  if (name === 'UNSUPPORTED_SASL_MECHANISM') {
    throw mechanismMissing(
      socket.address,
      sasl.mechanism,
      (mechanisms ?? []).filter((each) => each !== null),
    );
  }
  if (errorCode !== 0) throw credentialsRefused(socket.address, sasl, `the broker answered ${name}`);
  const { authBytes, sessionLifetimeMs } = await exchange(library, socket, sasl, timeoutMs);
  // A token that is refused is told so in JSON, with no error code yet (RFC 7628, section 3.2.2).
  if (sasl.mechanism === 'OAUTHBEARER' && authBytes.length > 0) {
    throw credentialsRefused(socket.address, sasl, `the token is refused: ${authBytes.toString('utf8')}`);
  }
  if (sessionLifetimeMs > 0n) socket.expireAfter(Number(sessionLifetimeMs) * EXPIRES_AT);
}

function exchange(library: Library, socket: BrokerSocket, sasl: SaslOptions, timeoutMs: number): Promise<Answer> {
  const { username = '', password = '', token, mechanism } = sasl;
  const connection = socket.asConnection(timeoutMs);
  return new Promise((resolve, reject) => {
    const refused = (said: string, cause?: unknown) => reject(credentialsRefused(socket.address, sasl, said, cause));
    // The library's mechanisms take an error from here on as theirs, so the end is told to the caller directly.
    const authenticate = ((_connection: unknown, bytes: Buffer, next: (error: null, answer: Answer) => void) => {
      library.saslAuthenticateV2.api(connection, bytes, (error, answer) => {
        if (error || answer === undefined) reject(error);
        else if (answer.errorCode !== 0) refused(answer.errorMessage || kafkaError(answer.errorCode).name);
        else {
          try {
            next(null, answer);
          } catch (cause) {
            refused('the broker sent a message that cannot be read', cause);
          }
        }
      });
    }) as unknown as AuthenticateApi;
    const done = (error: Error | null, answer?: Answer): void => {
      if (error === null || error === undefined) resolve(answer!);
      else refused(error.message.replace(/\.$/, ''), error);
    };
    if (mechanism === 'PLAIN') library.saslPlain.authenticate(authenticate, connection, username, password, done);
    else if (mechanism === 'OAUTHBEARER') {
      library.saslOAuthBearer.authenticate(authenticate, connection, token?.() ?? '', {}, done);
    } else {
      const algorithm = mechanism === 'SCRAM-SHA-256' ? 'SHA-256' : 'SHA-512';
      const { authenticate: scram, defaultCrypto } = library.saslScramSha;
      scram(authenticate, connection, algorithm, username, password, defaultCrypto, done);
    }
  });
}
