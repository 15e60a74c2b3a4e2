import type { Request, Response } from '../protocol/apis.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import { type CredentialStore, SCRAM_BY_NUMBER, scramNumber } from './credentials.ts';
import { credentialOf, LEAST_ITERATIONS, MOST_ITERATIONS } from './scram.ts';

type Alteration = Request<'AlterUserScramCredentials'>;
type Failure = readonly [errorCode: number, errorMessage: string];

/** DescribeUserScramCredentials (KIP-554): all users, or those asked for. */
export function describeScramCredentials(
  store: CredentialStore,
  request: Request<'DescribeUserScramCredentials'>,
): Response<'DescribeUserScramCredentials'> {
  const names = request.users?.map(({ name }) => name) ?? [...store.all().keys()].sort();
  const wanted = names.length === 0 && request.users !== null ? [...store.all().keys()].sort() : names;
  const results = [...new Set(wanted)].map((user) => {
    if (wanted.filter((name) => name === user).length > 1) {
      return { user, errorCode: KafkaError.DUPLICATE_RESOURCE, errorMessage: `${user} is asked for twice` };
    }
    const credentials = store.all().get(user);
    if (credentials === undefined) {
      return { user, errorCode: KafkaError.RESOURCE_NOT_FOUND, errorMessage: `there is no user ${user}` };
    }
    return {
      user,
      errorCode: KafkaError.NONE,
      credentialInfos: [...credentials].map(([mechanism, { iterations }]) => ({
        mechanism: scramNumber(mechanism),
        iterations,
      })),
    };
  });
  return { errorCode: KafkaError.NONE, results };
}

/** AlterUserScramCredentials (KIP-554): a user with anything wrong is left as it was, the others are changed. */
export function alterScramCredentials(
  store: CredentialStore,
  request: Alteration,
): Response<'AlterUserScramCredentials'> {
  const users = new Set([...request.deletions, ...request.upsertions].map(({ name }) => name));
  return {
    results: [...users].map((user) => {
      const failure = failureOf(store, request, user);
      if (failure !== null) return { user, errorCode: failure[0], errorMessage: failure[1] };
      for (const { name, mechanism } of request.deletions) {
        if (name === user) store.delete(user, SCRAM_BY_NUMBER.get(mechanism)!);
      }
      for (const { name, mechanism, iterations, salt, saltedPassword } of request.upsertions) {
        if (name !== user) continue;
        const scram = SCRAM_BY_NUMBER.get(mechanism)!;
        // Copies: the request's bytes are views of a frame.
        store.set(user, scram, credentialOf(scram, Buffer.from(saltedPassword), Buffer.from(salt), iterations));
      }
      return { user, errorCode: KafkaError.NONE };
    }),
  };
}

function failureOf(store: CredentialStore, request: Alteration, user: string): Failure | null {
  const changes = [...request.deletions, ...request.upsertions].filter(({ name }) => name === user);
  if (user === '') return [KafkaError.UNACCEPTABLE_CREDENTIAL, 'a user needs a name'];
  if (changes.some(({ mechanism }) => !SCRAM_BY_NUMBER.has(mechanism))) {
    return [KafkaError.UNSUPPORTED_SASL_MECHANISM, 'there is no such SCRAM mechanism'];
  }
  // Two mechanisms of one user are twice too, as Kafka has it.
  if (changes.length > 1) return [KafkaError.DUPLICATE_RESOURCE, `${user} is changed twice in one request`];
  for (const { iterations } of request.upsertions.filter(({ name }) => name === user)) {
    if (iterations < LEAST_ITERATIONS || iterations > MOST_ITERATIONS) {
      const bounds = `${LEAST_ITERATIONS} to ${MOST_ITERATIONS}`;
      return [KafkaError.UNACCEPTABLE_CREDENTIAL, `${iterations} iterations are not within ${bounds}`];
    }
  }
  const missing = request.deletions.find(
    ({ name, mechanism }) => name === user && store.get(user, SCRAM_BY_NUMBER.get(mechanism)!) === undefined,
  );
  return missing === undefined ? null : [KafkaError.RESOURCE_NOT_FOUND, `${user} has no such credential`];
}
