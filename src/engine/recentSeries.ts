/** Series in the order in which they were last seen: a list linked through two arrays, no allocation a touch. */
export class RecentSeries {
  /** Seen least recently, -1 where the list is empty. */
  oldest = -1;
  #newest = -1;
  /** Neighbours by series; -1 for none, APART where the series is not in the list. */
  #older: Int32Array = new Int32Array(0);
  #newer: Int32Array = new Int32Array(0);

  /** Makes room for series below `count`. */
  reserve(count: number): void {
    if (count <= this.#older.length) return;
    const older = new Int32Array(count).fill(APART);
    const newer = new Int32Array(count).fill(APART);
    older.set(this.#older);
    newer.set(this.#newer);
    this.#older = older;
    this.#newer = newer;
  }

  /** Makes a series the newest. */
  touch(series: number): void {
    if (series === this.#newest) return;
    this.remove(series);
    this.#older[series] = this.#newest;
    this.#newer[series] = -1;
    if (this.#newest >= 0) this.#newer[this.#newest] = series;
    else this.oldest = series;
    this.#newest = series;
  }

  remove(series: number): void {
    const older = this.#older[series]!;
    const newer = this.#newer[series]!;
    if (older === APART) return;
    if (older >= 0) this.#newer[older] = newer;
    else this.oldest = newer;
    if (newer >= 0) this.#older[newer] = older;
    else this.#newest = older;
    this.#older[series] = APART;
    this.#newer[series] = APART;
  }

  /** The series of the list that was seen next after this one; -1 after the newest. */
  after(series: number): number {
    return this.#newer[series]!;
  }

  /** From the oldest to the newest. */
  order(): Int32Array {
    let count = 0;
    for (let series = this.oldest; series >= 0; series = this.#newer[series]!) count++;
    const out = new Int32Array(count);
    let at = 0;
    for (let series = this.oldest; series >= 0; series = this.#newer[series]!) out[at++] = series;
    return out;
  }
}

const APART = -2;
