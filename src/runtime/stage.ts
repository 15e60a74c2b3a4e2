/** Which operators run: all, up to the windows, or only the scoring of windows that an earlier stage closed. */
export type Stage = 'run' | 'window' | 'score records' | 'score windows';
