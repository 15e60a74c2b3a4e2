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
      const known = this.#series.size;
      const series = this.#series.intern(keys.arena, keys.startOf(id), keys.endOf(id));
      if (series < known) {
        if (this.#homes[series] !== home) return { series: keys.text(id), home: this.#homes[series]! };
        continue;
      }
      if (series >= this.#homes.length) {
        const grown = new Int32Array(this.#homes.length * 2);
        grown.set(this.#homes);
        this.#homes = grown;
      }
      this.#homes[series] = home;
    }
    return undefined;
  }
}
