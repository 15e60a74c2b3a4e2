import { KafkaCode } from '../kafkaErrors.ts';
import type { TopicPartition } from '../topicPartition.ts';
import { without } from './partitionSets.ts';

/**
 * One member of a classic consumer group, as a state machine without I/O: answers go in, the next step comes out.
 *
 *   joining -> syncing -> revoking? -> assigning -> stable -> revoking? -> joining ...
 *
 * By an eager protocol all partitions are given back before each join. By a cooperative one (KIP-429) they are kept over
 * it, those that the new assignment lacks are given back after it, and another join follows at once, in which their new
 * owners get them.
 *
 * Source: Kafka protocol guide, group membership APIs; KIP-345 (static members), KIP-394 (member id required).
 */
export type MemberState = 'joining' | 'syncing' | 'assigning' | 'stable' | 'revoking' | 'failed';

export type Step =
  | { readonly do: 'join' }
  | { readonly do: 'sync' }
  /** Tell the application what it gets in addition to what it has, then call `assigned`. */
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
  /** It joined without an id: the coordinator may take it for its former self, and then tells of no rebalance. */
  isNewcomer = false;
  /** The join under way is to make the coordinator assign anew, so it has to differ from the one before. */
  asksAnew = false;
  members: readonly JoinedMember[] = [];
  /** Rises whenever all that was held is given back or lost: what was computed under an older one is others' now. */
  tenure = 0;
  /** Generation in which what is held was last said to be this member's. */
  ownedIn = -1;
  readonly #cooperative: ReadonlySet<string>;
  #assignment: readonly TopicPartition[] = [];
  /** What the application has been told that it has. */
  #held: readonly TopicPartition[] = [];
  /** What is being given back. */
  #leaving: readonly TopicPartition[] = [];
  #isLost = false;
  /** Where the machine goes on once the application has let go. */
  #afterRevoke: 'joining' | 'syncing' | 'assigning' = 'joining';
  /** A rebalance came while the application was being told: it is acted on once the application has returned. */
  #wantsRejoin = false;
  #errorCode = 0;

  /** `cooperative`: the protocols under which partitions are kept over a join. */
  constructor(cooperative: readonly string[] = []) {
    this.#cooperative = new Set(cooperative);
  }

  get step(): Step {
    switch (this.state) {
      case 'joining':
        return { do: 'join' };
      case 'syncing':
        return { do: 'sync' };
      case 'assigning':
        return { do: 'assign', partitions: without(this.#assignment, this.#held) };
      case 'revoking':
        return { do: 'revoke', partitions: this.#leaving, isLost: this.#isLost };
      case 'failed':
        return { do: 'fail', errorCode: this.#errorCode };
      default:
        return { do: 'wait' };
    }
  }

  get held(): readonly TopicPartition[] {
    return this.#held;
  }

  get isCooperative(): boolean {
    return this.#cooperative.has(this.protocol);
  }

  /** Whether the coordinator expects heartbeats: it does from the join's answer on. */
  get beats(): boolean {
    return this.generation >= 0 && (this.state === 'assigning' || this.state === 'stable' || this.state === 'revoking');
  }

  /** A rebalance is under way at the coordinator, which tells the outcome. */
  get isRejoining(): boolean {
    return this.state === 'joining' || this.state === 'syncing';
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
    this.isNewcomer = this.memberId === '';
    this.memberId = answer.memberId;
    this.protocol = answer.protocol;
    this.isLeader = answer.leader === answer.memberId;
    this.members = answer.members;
    // By an eager protocol others may get the partitions before this member could flush: its work on them is lost.
    if (this.#held.length > 0 && !this.isCooperative) this.#lose('syncing');
    else this.state = 'syncing';
    this.generation = answer.generation;
  }

  synced(errorCode: number, assignment: readonly TopicPartition[]): void {
    if (this.state !== 'syncing' || REPEAT.has(errorCode)) return;
    if (errorCode !== 0) {
      this.#joinAgain(errorCode);
      return;
    }
    this.asksAnew = false;
    this.#assignment = assignment;
    this.ownedIn = this.generation;
    const leaving = without(this.#held, assignment);
    if (leaving.length === 0) {
      this.state = 'assigning';
      return;
    }
    this.#leaving = leaving;
    this.#afterRevoke = 'assigning';
    this.state = 'revoking';
    // Who gets them is told in the next rebalance, which has to wait for this member's flush.
    this.#wantsRejoin = true;
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
    this.#held = without(this.#held, this.#leaving);
    this.#leaving = [];
    if (this.#held.length === 0) this.tenure += 1;
    if (this.state !== 'revoking') return;
    // Lost while some were being given back: the rest goes too.
    if (this.#isLost && this.#held.length > 0) {
      this.#leaving = this.#held;
      return;
    }
    this.state = this.#afterRevoke;
    if (this.state === 'joining') this.#wantsRejoin = false;
    this.#isLost = false;
  }

  /** The answer to a heartbeat or a commit that was sent in `generation`. */
  answered(errorCode: number, generation: number): void {
    if (generation !== this.generation || errorCode === 0 || REPEAT.has(errorCode)) return;
    if (this.state === 'failed' || this.isRejoining) return;
    switch (errorCode) {
      case KafkaCode.rebalanceInProgress:
        if (this.#isSettled) this.#giveBack(false);
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
    if (!this.#isSettled) return;
    this.asksAnew = true;
    this.#giveBack(false);
  }

  get #isSettled(): boolean {
    return this.state === 'stable' || this.state === 'assigning';
  }

  /** Joins again, after the application has let go of what it must, or is just being told. */
  #giveBack(isLost: boolean): void {
    if (isLost) {
      this.generation = -1;
      this.tenure += 1;
    }
    this.#isLost = this.#isLost || isLost;
    if (this.state === 'assigning') {
      this.#wantsRejoin = true;
      return;
    }
    if (this.state === 'revoking') {
      this.#afterRevoke = 'joining';
      return;
    }
    this.#wantsRejoin = false;
    if (this.#held.length === 0 || (this.isCooperative && !this.#isLost)) {
      this.state = 'joining';
      this.#isLost = false;
      return;
    }
    this.#leaving = this.#held;
    this.#afterRevoke = 'joining';
    this.state = 'revoking';
  }

  /** All that is held is others'. */
  #lose(then: 'joining' | 'syncing'): void {
    this.tenure += 1;
    if (this.#held.length === 0) {
      this.state = then;
      return;
    }
    this.#leaving = this.#held;
    this.#isLost = true;
    this.#afterRevoke = then;
    this.state = 'revoking';
  }

  #joinAgain(errorCode: number): void {
    switch (errorCode) {
      case KafkaCode.unknownMemberId:
        this.memberId = '';
        break;
      case KafkaCode.illegalGeneration:
        break;
      case KafkaCode.rebalanceInProgress:
        // Still a member, of a generation that others have left already.
        this.state = 'joining';
        return;
      default:
        this.#fail(errorCode);
        return;
    }
    this.generation = -1;
    this.#lose('joining');
  }

  #fail(errorCode: number): void {
    this.#errorCode = errorCode;
    this.generation = -1;
    this.tenure += 1;
    this.state = 'failed';
  }
}
