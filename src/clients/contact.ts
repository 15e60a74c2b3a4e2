/**
 * Told by both clients what their requests come to, whichever connection they go by: who keeps it knows whether the cluster
 * is there. Called once a response or a part of one, never once a record.
 */
export interface Contact {
  /** A broker has answered a request, or sent a part of an answer. */
  answered(): void;
  /**
   * A connection could not be opened, or a request on it has no answer; `problem` names the address and the reason.
   *
   * @param waitedMs since that was asked for
   */
  failed(problem: string, waitedMs: number): void;
}

export const NO_CONTACT: Contact = { answered: () => {}, failed: () => {} };
