/** Sees every score, before threshold and shaping. */
export interface ScoreObserver {
  /** `timeMs` is the start of what was scored, `offset` that of the record that completed it. */
  onValue(series: number, field: number, offset: number, timeMs: number, value: number, score: number): void;
}
