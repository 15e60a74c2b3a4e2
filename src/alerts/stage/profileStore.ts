import { encodeGone, encodeState, type OutboxKeyValue, type StateRecord } from './outbox.ts';
import { newProfile, type Profile } from './seasonalGate.ts';

/** Series and rules of which the past is known; the one that has alerted least recently goes first. */
const MOST_PROFILES = 20_000;

/** Profiles by series and rule, and which of them are to be written. */
export class ProfileStore {
  readonly #prefix: string;
  readonly #profiles = new Map<string, Profile>();
  readonly #dirty = new Set<string>();
  readonly #gone = new Set<string>();

  /** @param kind of the book that they are of: part of their names */
  constructor(kind: string) {
    this.#prefix = `profile/${kind}/`;
  }

  of(series: string, rule: string): Profile {
    return this.#profiles.get(keyOf(series, rule)) ?? newProfile(series, rule);
  }

  /** The profile, which is made where there is none, and will be written. */
  change(series: string, rule: string): Profile {
    const key = keyOf(series, rule);
    const profile = this.of(series, rule);
    this.#profiles.delete(key);
    this.#profiles.set(key, profile);
    this.#dirty.add(key);
    this.#gone.delete(key);
    if (this.#profiles.size > MOST_PROFILES) {
      const [oldest] = this.#profiles.keys();
      this.#profiles.delete(oldest!);
      this.#dirty.delete(oldest!);
      this.#gone.add(oldest!);
    }
    return profile;
  }

  drain(): OutboxKeyValue[] {
    const records = [...this.#dirty].map((key) =>
      encodeState({ name: this.#prefix + key, state: this.#profiles.get(key) }),
    );
    for (const key of this.#gone) records.push(encodeGone({ name: this.#prefix + key }));
    this.#dirty.clear();
    this.#gone.clear();
    return records;
  }

  restore({ name, state }: StateRecord): void {
    if (!name.startsWith(this.#prefix)) return;
    const key = name.slice(this.#prefix.length);
    this.#profiles.set(key, structuredClone(state) as Profile);
  }
}

function keyOf(series: string, rule: string): string {
  return `${rule}\n${series}`;
}
