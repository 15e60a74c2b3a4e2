/** When a window puts rows out beside the one on time. */
export interface WindowTiming {
  /** How long after its end a window is kept for late records; each puts out its series again. 0: not at all. */
  readonly latenessMs: number;
  /** Event time between early rows; 0: none. */
  readonly emitEveryMs: number;
}
