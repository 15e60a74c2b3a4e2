/**
 * Told by both clients what their requests come to, whichever connection they go by: who keeps it knows whether the cluster
 * is there. Called once a response, never once a record.
 */
export interface Contact {
  /** A broker has answered a request. */
  answered(): void;
  /** A connection could not be opened, or a request on it has no answer; `problem` names the address and the reason. */
  failed(problem: string): void;
}

export const NO_CONTACT: Contact = { answered: () => {}, failed: () => {} };
