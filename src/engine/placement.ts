import { KeyDictionary } from './keys.ts';

/**
 * Watches that each series stays in one partition, since its state does. Looks only at series that are new in their
 * partition, so it costs nothing per record.
 */
export class Placement {
  readonly #series = new KeyDictionary();
  #homes = new Int32Array(1024);

  /**
   * Notes the series of `keys` from id `from` on as living in `home`; returns the first one that already lives
   * elsewhere, with that home, or undefined.
   */
  note(
    keys: KeyDictionary,
    from: number,
    home: number,
  ): { readonly series: string; readonly home: number } | undefined {
    for (let id = from; id < keys.size; id++) {
      const other = this.noteSeries(keys, id, home);
      if (other !== undefined) return other;
    }
    return undefined;
  }

  /** The same for one series. */
  noteSeries(
    keys: KeyDictionary,
    id: number,
    home: number,
  ): { readonly series: string; readonly home: number } | undefined {
    if (!keys.has(id)) return undefined;
    const known = this.#series.count;
    const series = this.#series.intern(keys.arena, keys.startOf(id), keys.endOf(id));
    if (this.#series.count === known) {
      return this.#homes[series] === home ? undefined : { series: keys.text(id), home: this.#homes[series]! };
    }
    if (series >= this.#homes.length) {
      const grown = new Int32Array(this.#homes.length * 2);
      grown.set(this.#homes);
      this.#homes = grown;
    }
    this.#homes[series] = home;
    return undefined;
  }

  /** Forgets all series of these homes. */
  forgetHomes(homes: ReadonlySet<number>): void {
    for (let series = 0; series < this.#series.size; series++) {
      if (this.#series.has(series) && homes.has(this.#homes[series]!)) this.#series.free(series);
    }
  }

  /** A series whose state is gone may turn up anywhere. */
  forget(keys: KeyDictionary, id: number, home: number): void {
    const series = this.#series.find(keys.arena, keys.startOf(id), keys.endOf(id));
    if (series >= 0 && this.#homes[series] === home) this.#series.free(series);
  }
}
