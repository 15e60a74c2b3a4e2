/**
 * The newest values by id, at most so many, in the order in which each id was first seen: a value that comes again takes
 * the place of its former self.
 */
export class Newest<T> {
  readonly #most: number;
  readonly #values = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#values.size;
  }

  get(id: string): T | undefined {
    return this.#values.get(id);
  }

  set(id: string, value: T): void {
    this.#values.set(id, value);
    if (this.#values.size <= this.#most) return;
    const [oldest] = this.#values.keys();
    this.#values.delete(oldest!);
  }

  delete(id: string): void {
    this.#values.delete(id);
  }

  /** Newest first. */
  values(): T[] {
    return [...this.#values.values()].reverse();
  }
}
