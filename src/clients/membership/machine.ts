import type { TopicPartition } from '../client.ts';
import { KafkaCode } from '../kafkaErrors.ts';

/**
 * One member of a classic consumer group, as a state machine without I/O: answers go in, the next step comes out.
 * Eager protocol: all partitions are given back before each join.
 *
 *   joining -> syncing -> assigning -> stable -> revoking -> joining ...
 *
 * Source: Kafka protocol guide, group membership APIs; KIP-345 (static members), KIP-394 (member id required).
 */
export type MemberState = 'joining' | 'syncing' | 'assigning' | 'stable' | 'revoking' | 'failed';

export type Step =
  | { readonly do: 'join' }
  | { readonly do: 'sync' }
  /** Tell the application what it has, then call `assigned`. */
  | { readonly do: 'assign'; readonly partitions: readonly TopicPartition[] }
  /** Let the application flush and commit (not when lost: others may have the partitions), then call `revoked`. */
  | { readonly do: 'revoke'; readonly partitions: readonly TopicPartition[]; readonly isLost: boolean }
  /** Nothing but heartbeats. */
  | { readonly do: 'wait' }
  | { readonly do: 'fail'; readonly errorCode: number };

export interface JoinedMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly metadata: Uint8Array;
}

export interface JoinAnswer {
  readonly errorCode: number;
  readonly memberId: string;
  readonly generation: number;
  readonly protocol: string;
  readonly leader: string;
  /** Of the leader only. */
  readonly members: readonly JoinedMember[];
}

/** Answers after which the same request is just sent again, to the coordinator as it is by then. */
const REPEAT = new Set<number>([14, 15, 16]);

export class GroupMachine {
  state: MemberState = 'joining';
  memberId = '';
  generation = -1;
  protocol = '';
  isLeader = false;
  members: readonly JoinedMember[] = [];
  #assignment: readonly TopicPartition[] = [];
  /** What the application has been told that it has. */
  #held: readonly TopicPartition[] = [];
  #isLost = false;
  /** A rebalance came while the application was being told: it is acted on once the application has returned. */
  #wantsRejoin = false;
  #errorCode = 0;

  get step(): Step {
    switch (this.state) {
      case 'joining':
        return { do: 'join' };
      case 'syncing':
        return { do: 'sync' };
      case 'assigning':
        return { do: 'assign', partitions: this.#assignment };
      case 'revoking':
        return { do: 'revoke', partitions: this.#held, isLost: this.#isLost };
      case 'failed':
        return { do: 'fail', errorCode: this.#errorCode };
      default:
        return { do: 'wait' };
    }
  }

  get held(): readonly TopicPartition[] {
    return this.#held;
  }

  /** Whether the coordinator expects heartbeats: it does from the join's answer on. */
  get beats(): boolean {
    return this.generation >= 0 && (this.state === 'assigning' || this.state === 'stable' || this.state === 'revoking');
  }

  joined(answer: JoinAnswer): void {
    if (this.state !== 'joining' || REPEAT.has(answer.errorCode)) return;
    if (answer.errorCode === KafkaCode.memberIdRequired) {
      this.memberId = answer.memberId;
      return;
    }
    if (answer.errorCode !== 0) {
      this.#joinAgain(answer.errorCode);
      return;
    }
    this.memberId = answer.memberId;
    this.generation = answer.generation;
    this.protocol = answer.protocol;
    this.isLeader = answer.leader === answer.memberId;
    this.members = answer.members;
    this.state = 'syncing';
  }

  synced(errorCode: number, assignment: readonly TopicPartition[]): void {
    if (this.state !== 'syncing' || REPEAT.has(errorCode)) return;
    if (errorCode !== 0) {
      this.#joinAgain(errorCode);
      return;
    }
    this.#assignment = assignment;
    this.state = 'assigning';
  }

  /** The application knows its partitions, and may have to give them back at once. */
  assigned(): void {
    if (this.state !== 'assigning' && this.state !== 'failed') return;
    this.#held = this.#assignment;
    if (this.state === 'failed') return;
    this.state = 'stable';
    if (this.#wantsRejoin) this.#giveBack(this.#isLost);
  }

  /** The application has let go. */
  revoked(): void {
    this.#held = [];
    if (this.state === 'revoking') {
      this.state = 'joining';
      this.#isLost = false;
    }
  }

  /** The answer to a heartbeat or a commit that was sent in `generation`. */
  answered(errorCode: number, generation: number): void {
    if (generation !== this.generation || errorCode === 0 || REPEAT.has(errorCode)) return;
    if (this.state === 'failed' || this.state === 'joining' || this.state === 'syncing') return;
    switch (errorCode) {
      case KafkaCode.rebalanceInProgress:
        this.rejoin();
        return;
      case KafkaCode.unknownMemberId:
        this.memberId = '';
        this.#giveBack(true);
        return;
      case KafkaCode.illegalGeneration:
        this.#giveBack(true);
        return;
      case KafkaCode.fencedInstanceId:
      case KafkaCode.inconsistentGroupProtocol:
        this.#fail(errorCode);
        return;
      default:
    }
  }

  /** Something changed that needs a new assignment: partitions were added, say. */
  rejoin(): void {
    if (this.state === 'stable' || this.state === 'assigning') this.#giveBack(false);
  }

  /** Joins again, after the application has let go of all that it was told, or is just being told. */
  #giveBack(isLost: boolean): void {
    if (isLost) this.generation = -1;
    this.#isLost = this.#isLost || isLost;
    this.#wantsRejoin = this.state === 'assigning';
    if (this.#wantsRejoin) return;
    if (this.#held.length > 0) {
      this.state = 'revoking';
      return;
    }
    this.state = 'joining';
    this.#isLost = false;
  }

  #joinAgain(errorCode: number): void {
    switch (errorCode) {
      case KafkaCode.unknownMemberId:
        this.memberId = '';
        break;
      case KafkaCode.illegalGeneration:
      case KafkaCode.rebalanceInProgress:
        break;
      default:
        this.#fail(errorCode);
        return;
    }
    this.generation = -1;
    this.state = 'joining';
  }

  #fail(errorCode: number): void {
    this.#errorCode = errorCode;
    this.state = 'failed';
  }
}
