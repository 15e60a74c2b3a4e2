import type { Timer } from '../clock.ts';

export interface Protocol {
  readonly name: string;
  readonly metadata: Buffer;
}

/** What JoinGroup answers, as the group decides it. */
export interface JoinResult {
  readonly errorCode: number;
  readonly generationId: number;
  readonly protocolName: string;
  readonly leader: string;
  readonly memberId: string;
  /** For the leader only, who assigns. */
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly metadata: Buffer;
  }[];
}

export interface SyncResult {
  readonly errorCode: number;
  readonly assignment: Buffer;
}

/** Who joins, as the request says. */
export interface Joiner {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly Protocol[];
  /** From version 4 on, a new member is first told its id (KIP-394). */
  readonly requiresMemberId: boolean;
}

export const NO_ASSIGNMENT = Buffer.alloc(0);

/** One member of a classic group. */
export class Member {
  memberId: string;
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: readonly Protocol[];
  assignment: Buffer = NO_ASSIGNMENT;
  /** Set while its JoinGroup waits for the others. */
  join: ((result: JoinResult) => void) | null = null;
  /** Set while its SyncGroup waits for the leader's assignment. */
  sync: ((result: SyncResult) => void) | null = null;
  /** Whether it asked for its assignment in this generation. */
  hasSynced = false;
  /** When it is taken for dead; pushed on by each heartbeat. */
  deadlineMs = 0;
  timer: Timer | null = null;

  constructor(memberId: string, joiner: Joiner) {
    this.memberId = memberId;
    this.instanceId = joiner.instanceId;
    this.clientId = joiner.clientId;
    this.clientHost = joiner.clientHost;
    this.sessionTimeoutMs = joiner.sessionTimeoutMs;
    this.rebalanceTimeoutMs = joiner.rebalanceTimeoutMs;
    this.protocols = joiner.protocols;
  }

  /** Takes over what a repeated JoinGroup says. */
  update(joiner: Joiner): void {
    this.clientId = joiner.clientId;
    this.clientHost = joiner.clientHost;
    this.sessionTimeoutMs = joiner.sessionTimeoutMs;
    this.rebalanceTimeoutMs = joiner.rebalanceTimeoutMs;
    this.protocols = joiner.protocols;
  }

  /** Whether it offers the same protocols with the same metadata as before. */
  offersSame(protocols: readonly Protocol[]): boolean {
    return (
      this.protocols.length === protocols.length &&
      this.protocols.every(({ name, metadata }, i) => {
        const other = protocols[i]!;
        return name === other.name && metadata.equals(other.metadata);
      })
    );
  }

  metadataOf(protocolName: string): Buffer {
    return this.protocols.find(({ name }) => name === protocolName)?.metadata ?? NO_ASSIGNMENT;
  }

  answerJoin(result: JoinResult): void {
    const { join } = this;
    this.join = null;
    join?.(result);
  }

  answerSync(result: SyncResult): void {
    const { sync } = this;
    this.sync = null;
    sync?.(result);
  }
}

export function refusedJoin(errorCode: number, memberId: string): JoinResult {
  return { errorCode, generationId: -1, protocolName: '', leader: '', memberId, members: [] };
}

/** What a member is told at the end of a rebalance; only the leader sees the others. */
export function acceptedJoin(
  member: Member,
  all: readonly Member[],
  generationId: number,
  protocolName: string,
  leader: string,
): JoinResult {
  const seen = member.memberId === leader ? all : [];
  const members = seen.map((other) => ({
    memberId: other.memberId,
    groupInstanceId: other.instanceId,
    metadata: other.metadataOf(protocolName),
  }));
  return { errorCode: 0, generationId, protocolName, leader, memberId: member.memberId, members };
}

export function refusedSync(errorCode: number): SyncResult {
  return { errorCode, assignment: NO_ASSIGNMENT };
}
