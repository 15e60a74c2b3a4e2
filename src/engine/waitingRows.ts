/** Rows that wait for a model's scores: what they need of a series is kept when its state goes. */
export interface WaitingRows {
  /** `placeOf` brings the state of the series. */
  setAside(series: number, placeOf: () => number): void;
}
