/**
 * Bytes of records that answers may hold together until their sockets took them: clients that ask for much and read
 * nothing must not fill the memory. Above it nobody waits, as slow clients may never read on; answers get smaller.
 */
export class AnswerBudget {
  readonly limitBytes: number;
  usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** What the next answer may take besides its first batch, which each one gets: half of what is left. */
  get shareBytes(): number {
    return Math.max(0, Math.floor((this.limitBytes - this.usedBytes) / 2));
  }

  take(bytes: number): void {
    this.usedBytes += bytes;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }
}
