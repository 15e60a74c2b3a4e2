/** A row of the benchmark's board: standard, low FP, low FN, each with the threshold that is best on the corpus. */
export interface PublishedScore {
  readonly detector: string;
  readonly scores: readonly [number, number, number];
}

/** Files of the corpus that the board is of, version of 2024-12-03 (ea702d7). */
export const NAB_FILES = 58;
export const NAB_WINDOWS = 116;

/**
 * The published board, of https://github.com/numenta/NAB. Detectors of Numenta, CAD OSE and Relative Entropy are handed
 * the smallest and the largest value of each whole file before they begin.
 */
export const NAB_BOARD: readonly PublishedScore[] = [
  { detector: 'ARTime', scores: [74.9, 65.1, 80.4] },
  { detector: 'Numenta HTM', scores: [70.1, 63.1, 74.3] },
  { detector: 'CAD OSE', scores: [69.9, 67.0, 73.2] },
  { detector: 'HTM Java', scores: [65.5, 53.3, 70.4] },
  { detector: 'NumentaTM', scores: [64.6, 56.7, 69.2] },
  { detector: 'earthgecko Skyline', scores: [58.2, 46.2, 63.9] },
  { detector: 'KNN-CAD', scores: [58.0, 43.4, 64.8] },
  { detector: 'Relative Entropy', scores: [54.6, 47.6, 58.8] },
  { detector: 'Random Cut Forest', scores: [51.7, 38.4, 59.7] },
  { detector: 'Twitter ADVec', scores: [47.1, 33.6, 53.5] },
  { detector: 'Windowed Gaussian', scores: [39.6, 20.9, 47.4] },
  { detector: 'Etsy Skyline', scores: [35.7, 27.1, 44.5] },
  { detector: 'Bayes Changepoint', scores: [17.7, 3.2, 32.2] },
  { detector: 'EXPoSE', scores: [16.4, 3.2, 26.9] },
  { detector: 'Random', scores: [11.0, 1.2, 19.5] },
  { detector: 'Null', scores: [0, 0, 0] },
];
