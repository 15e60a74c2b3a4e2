import { AnomalyError } from '../../errors.ts';

/** The fields of a JSON object of a registry, each checked as it is read. */
export class RecordFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  /** Name of the object, for messages. */
  readonly place: string;

  constructor(fields: Readonly<Record<string, unknown>>, place: string) {
    this.#fields = fields;
    this.place = place;
  }

  /** @param place name of the object, for messages. @throws ANM_MODEL_CORRUPT for what is no JSON object */
  static parse(json: string | Uint8Array, place: string): RecordFields {
    let value: unknown;
    try {
      value = JSON.parse(typeof json === 'string' ? json : new TextDecoder('utf-8', { fatal: true }).decode(json));
    } catch (cause) {
      throw corrupt(place, 'it is no JSON', cause);
    }
    return new RecordFields(object(value, place), place);
  }

  /** Every field, where all of them are texts. */
  allTexts(): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.keys(this.#fields).map((key) => [key, this.text(key)]));
  }

  text(key: string): string {
    const value = this.#fields[key];
    if (typeof value === 'string') return value;
    throw this.#refuse(key, 'a text');
  }

  optionalText(key: string): string | undefined {
    return this.#fields[key] === undefined ? undefined : this.text(key);
  }

  textOrNull(key: string): string | null {
    return this.#fields[key] === null ? null : this.text(key);
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T {
    const found = choices.find((each) => each === this.#fields[key]);
    if (found !== undefined) return found;
    throw this.#refuse(key, `one of ${choices.join(', ')}`);
  }

  whole(key: string): number {
    const value = this.#fields[key];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#refuse(key, 'a whole number');
  }

  optionalWhole(key: string): number | undefined {
    return this.#fields[key] === undefined ? undefined : this.whole(key);
  }

  /** Finite numbers by name; empty where the field is absent. */
  numbers(key: string): Readonly<Record<string, number>> {
    const value = this.#fields[key];
    if (value === undefined) return {};
    const entries = Object.entries(object(value, `${this.place}: ${key}`));
    if (entries.some(([, each]) => typeof each !== 'number' || !Number.isFinite(each)))
      throw this.#refuse(key, 'numbers');
    return Object.fromEntries(entries) as Record<string, number>;
  }

  texts(key: string): readonly string[] {
    return this.#list(key).map((each) => {
      if (typeof each === 'string') return each;
      throw this.#refuse(key, 'texts');
    });
  }

  /** Numbers, texts and nulls. */
  scalars(key: string): readonly (number | string | null)[] {
    return this.#list(key).map((each) => {
      if (each === null || typeof each === 'number' || typeof each === 'string') return each;
      throw this.#refuse(key, 'numbers, texts and nulls');
    });
  }

  objects(key: string): readonly RecordFields[] {
    return this.#list(key).map((each) => {
      const place = `${this.place}: ${key}`;
      return new RecordFields(object(each, place), place);
    });
  }

  optionalObject(key: string): RecordFields | undefined {
    const value = this.#fields[key];
    const place = `${this.place}: ${key}`;
    return value === undefined ? undefined : new RecordFields(object(value, place), place);
  }

  #list(key: string): readonly unknown[] {
    const value = this.#fields[key];
    if (Array.isArray(value)) return value;
    throw this.#refuse(key, 'a list');
  }

  #refuse(key: string, wanted: string): AnomalyError {
    const shown = JSON.stringify(this.#fields[key]) ?? 'missing';
    return corrupt(this.place, `${key} is ${shown.slice(0, 100)}, not ${wanted}`);
  }
}

export function corrupt(place: string, reason: string, cause?: unknown): AnomalyError {
  return new AnomalyError('ANM_MODEL_CORRUPT', `cannot use ${place} as ${reason}`, { details: { place }, cause });
}

function object(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw corrupt(place, 'it is no JSON object');
}
