import { isPassword, type ScramCredential, type ScramMechanism, scramCredential } from './scram.ts';

/** The protocol's numbers of the mechanisms (KIP-554). */
export const SCRAM_BY_NUMBER = new Map<number, ScramMechanism>([
  [1, 'SCRAM-SHA-256'],
  [2, 'SCRAM-SHA-512'],
]);

export function scramNumber(mechanism: ScramMechanism): number {
  return mechanism === 'SCRAM-SHA-256' ? 1 : 2;
}

/** Told of every credential that a client changes, before it counts; null: it is removed. @throws StorageError */
export type CredentialListener = (user: string, mechanism: ScramMechanism, credential: ScramCredential | null) => void;

/** The users of the broker, with what SCRAM needs of their passwords: no password is kept. */
export class CredentialStore {
  private readonly users = new Map<string, Map<ScramMechanism, ScramCredential>>();
  private readonly changed: CredentialListener;

  constructor(changed: CredentialListener = () => {}) {
    this.changed = changed;
  }

  /** A user for both mechanisms. */
  addUser(user: string, password: string): void {
    for (const mechanism of SCRAM_BY_NUMBER.values())
      this.restore(user, mechanism, scramCredential(mechanism, password));
  }

  get(user: string, mechanism: ScramMechanism): ScramCredential | undefined {
    return this.users.get(user)?.get(mechanism);
  }

  /** @throws StorageError, and then nothing changed */
  set(user: string, mechanism: ScramMechanism, credential: ScramCredential): void {
    this.changed(user, mechanism, credential);
    this.restore(user, mechanism, credential);
  }

  /** False where there was none. @throws StorageError, and then nothing changed */
  delete(user: string, mechanism: ScramMechanism): boolean {
    if (this.get(user, mechanism) === undefined) return false;
    this.changed(user, mechanism, null);
    this.restore(user, mechanism, null);
    return true;
  }

  /** As it was in an earlier life; null where it had been removed. */
  restore(user: string, mechanism: ScramMechanism, credential: ScramCredential | null): void {
    const known = this.users.get(user) ?? new Map<ScramMechanism, ScramCredential>();
    if (credential === null) known.delete(mechanism);
    else known.set(mechanism, credential);
    if (known.size === 0) this.users.delete(user);
    else this.users.set(user, known);
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
