/** A row of the table of error codes. */
export interface ErrorEntry {
  /** Process exit code when a command ends with this error. */
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6;
  /** Whether the same call may succeed later without a change by the user. */
  readonly retryable: boolean;
  /** What it means, one sentence. */
  readonly summary: string;
  /** What to try, one sentence; a throw site may give a more specific one. */
  readonly hint: string;
}
