import type { Clock } from '../clock.ts';
import type { Member } from './member.ts';

/**
 * Session timeouts of a group's members. One timer per member looks again when it fires, so a heartbeat only moves a
 * number on.
 */
export class Sessions {
  private readonly clock: Clock;
  private readonly onExpired: (member: Member) => void;

  constructor(clock: Clock, onExpired: (member: Member) => void) {
    this.clock = clock;
    this.onExpired = onExpired;
  }

  /** The member gave a sign of life. */
  touch(member: Member): void {
    member.deadlineMs = this.clock.now() + member.sessionTimeoutMs;
    if (member.timer === null) this.watch(member);
  }

  end(member: Member): void {
    member.timer?.cancel();
    member.timer = null;
  }

  private watch(member: Member): void {
    const waitMs = Math.max(1, member.deadlineMs - this.clock.now());
    member.timer = this.clock.after(waitMs, () => {
      member.timer = null;
      // Who waits for the others is alive: its answer is ours to give.
      if (member.join !== null || member.sync !== null) this.touch(member);
      else if (member.deadlineMs > this.clock.now()) this.watch(member);
      else this.lookOnce(member);
    });
  }

  /** After a stall of the process, heartbeats that came in time may lie unread: they are read first. */
  private lookOnce(member: Member): void {
    member.timer = this.clock.after(0, () => {
      member.timer = null;
      if (member.deadlineMs > this.clock.now()) this.watch(member);
      else this.onExpired(member);
    });
  }
}
