import { isPassword, type ScramCredential, type ScramMechanism, scramCredential } from './scram.ts';

/** The protocol's numbers of the mechanisms (KIP-554). */
export const SCRAM_BY_NUMBER = new Map<number, ScramMechanism>([
  [1, 'SCRAM-SHA-256'],
  [2, 'SCRAM-SHA-512'],
]);

export function scramNumber(mechanism: ScramMechanism): number {
  return mechanism === 'SCRAM-SHA-256' ? 1 : 2;
}

/** The users of the broker, with what SCRAM needs of their passwords: no password is kept. */
export class CredentialStore {
  private readonly users = new Map<string, Map<ScramMechanism, ScramCredential>>();

  /** A user for both mechanisms. */
  addUser(user: string, password: string): void {
    for (const mechanism of SCRAM_BY_NUMBER.values()) this.set(user, mechanism, scramCredential(mechanism, password));
  }

  get(user: string, mechanism: ScramMechanism): ScramCredential | undefined {
    return this.users.get(user)?.get(mechanism);
  }

  set(user: string, mechanism: ScramMechanism, credential: ScramCredential): void {
    const known = this.users.get(user) ?? new Map<ScramMechanism, ScramCredential>();
    known.set(mechanism, credential);
    this.users.set(user, known);
  }

  /** False where there was none. */
  delete(user: string, mechanism: ScramMechanism): boolean {
    const known = this.users.get(user);
    const had = known?.delete(mechanism) ?? false;
    if (known?.size === 0) this.users.delete(user);
    return had;
  }

  /** By name, each with its mechanisms. */
  all(): ReadonlyMap<string, ReadonlyMap<ScramMechanism, ScramCredential>> {
    return this.users;
  }

  /** For PLAIN and HTTP basic authentication, against whichever credential there is, as Redpanda does. */
  isPassword(user: string, password: string): boolean {
    const [first] = this.users.get(user) ?? [];
    return first !== undefined && isPassword(first[0], first[1], password);
  }
}
