/** How much a book knows at once, so that its memory and the records on the outbox are bounded whatever alerts. */
export interface BookBounds {
  /** Members that an open incident knows one by one: its first mover and the worst. */
  readonly members: number;
  /** Of them after its end. */
  readonly kept: number;
  /** Open incidents, beside the one that has all that opens beyond them. */
  readonly open: number;
  /** Incidents that are over and still known: for reviews, and for people who look. */
  readonly closed: number;
  /** Series of all open incidents that are known by name beside the members. */
  readonly rest: number;
}

export const BOOK_BOUNDS: BookBounds = { members: 300, kept: 50, open: 199, closed: 500, rest: 20_000 };
