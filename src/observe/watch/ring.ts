/** The newest values of a series, at most so many: what is watched for days takes no more room than for a minute. */
export class Ring<T> {
  readonly #most: number;
  #values: T[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return Math.min(this.#values.length, this.#most);
  }

  push(value: T): void {
    this.#values.push(value);
    // Moved once in a while, not at each value.
    if (this.#values.length >= 2 * this.#most) this.#values = this.#values.slice(-this.#most);
  }

  /** Oldest first. */
  values(): T[] {
    return this.#values.slice(-this.#most);
  }
}
