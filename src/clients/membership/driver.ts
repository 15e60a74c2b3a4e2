import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { kafkaError, protocolFailure } from '../kafkaErrors.ts';
import type { TopicPartition } from '../topicPartition.ts';
import { type AssignmentFacts, AssignmentWatch } from './assignmentWatch.ts';
import type { Assignments, Assignor } from './assignors.ts';
import { GroupMachine, type JoinAnswer, type Step } from './machine.ts';
import { decodeSubscription, encodeSubscription } from './protocol.ts';

/** A protocol by which this member can be assigned, and its subscription for that. */
export interface OfferedProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** What the driver needs from a client: the group APIs of one member. Lost connections reject. */
export interface GroupTransport extends AssignmentFacts {
  join(memberId: string, protocols: readonly OfferedProtocol[]): Promise<JoinAnswer>;
  /** `assignments` is null unless this member leads. */
  sync(
    machine: { memberId: string; generation: number; protocol: string },
    assignments: Assignments | null,
  ): Promise<{ errorCode: number; partitions: TopicPartition[] }>;
  heartbeat(memberId: string, generation: number): Promise<number>;
  leave(memberId: string): Promise<void>;
  /** The coordinator moved or its connection broke: find it again before the next request. */
  forgetCoordinator(): void;
  close(): void;
}

/**
 * The application's side, run within poll so that nothing is processed meanwhile. By a cooperative protocol each call has
 * only what comes or goes.
 */
export interface GroupApplication {
  assign(partitions: readonly TopicPartition[]): Promise<void>;
  revoke(partitions: readonly TopicPartition[], isLost: boolean): Promise<void>;
  /** Poll should look: there is work, or a failure. */
  signal(): void;
}

export interface GroupTiming {
  /** In the order of preference that JoinGroup states. */
  readonly assignors: readonly Assignor[];
  readonly heartbeatIntervalMs: number;
  /** A static member keeps its place when it closes. */
  readonly isStatic: boolean;
  /** How often is looked for new partitions. */
  readonly metadataIntervalMs: number;
  readonly retryTimeoutMs: number;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;

/**
 * Runs the state machine: join and sync in the background, heartbeats by timer, revoke and assign within poll.
 */
export class GroupDriver {
  readonly machine: GroupMachine;
  readonly #groupId: string;
  readonly #topics: readonly string[];
  readonly #transport: GroupTransport;
  readonly #application: GroupApplication;
  readonly #timing: GroupTiming;
  #failure: AnomalyError | null = null;
  #isRunning = false;
  #isClosed = false;
  #heartbeatTimer: NodeJS.Timeout | null = null;
  #isBeating = false;
  #pauseMs = FIRST_PAUSE_MS;
  #failingSinceMs = 0;
  readonly #watch: AssignmentWatch;
  /** Those who wait for the next step of the machine. */
  #waiting: (() => void)[] = [];

  constructor(
    groupId: string,
    topics: readonly string[],
    transport: GroupTransport,
    application: GroupApplication,
    timing: GroupTiming,
  ) {
    this.#groupId = groupId;
    this.#topics = topics;
    this.#transport = transport;
    this.#application = application;
    this.#timing = timing;
    this.#watch = new AssignmentWatch(topics, transport, timing.metadataIntervalMs);
    this.machine = new GroupMachine(timing.assignors.filter((each) => each.isCooperative).map((each) => each.name));
  }

  start(): void {
    this.#heartbeatTimer = setInterval(() => void this.#beat(), this.#timing.heartbeatIntervalMs);
    this.#run();
  }

  /** Whether poll must call `work` before it goes on. */
  get hasWork(): boolean {
    const next = this.machine.step.do;
    return this.#failure !== null || next === 'assign' || next === 'revoke' || next === 'fail';
  }

  /** Runs the listener's turn. Rejects with what ended the membership, or with the listener's own error. */
  async work(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const step = this.machine.step;
    if (step.do === 'revoke') {
      await this.#application.revoke(step.partitions, step.isLost);
      this.machine.revoked();
    } else if (step.do === 'assign') {
      await this.#application.assign(step.partitions);
      this.machine.assigned();
    } else if (step.do === 'fail') {
      this.#failure = this.#explain(step.errorCode);
      throw this.#failure;
    }
    this.#run();
  }

  /** Takes note of a commit's answer, which tells of rebalances as heartbeats do. */
  committed(errorCode: number, generation: number): void {
    this.machine.answered(errorCode, generation);
    this.#next();
  }

  /**
   * For who was refused in `generation`: waits for the rebalance under way, and says whether the member is through it with
   * all that it held in that tenure.
   */
  async rejoined(tenure: number, generation: number, errorCode: number): Promise<boolean> {
    const { machine } = this;
    const isCurrent = () => machine.tenure === tenure && !this.#isClosed && this.#failure === null;
    if (isCurrent()) this.committed(errorCode, generation);
    if (!machine.isCooperative) return false;
    const hasWaited = machine.isRejoining;
    while (isCurrent() && machine.isRejoining) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return isCurrent() && machine.generation >= 0 && (hasWaited || machine.generation !== generation);
  }

  /** Gives the partitions back with a last flush, and leaves. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const { held } = this.machine;
    const isLost = this.machine.generation < 0;
    try {
      if (held.length > 0) await this.#application.revoke(held, isLost);
    } finally {
      this.#isClosed = true;
      this.#stepped();
      if (this.#heartbeatTimer !== null) clearInterval(this.#heartbeatTimer);
      if (this.machine.memberId !== '' && !this.#timing.isStatic) await this.#leave();
      this.#transport.close();
    }
  }

  async #leave(): Promise<void> {
    try {
      await this.#transport.leave(this.machine.memberId);
    } catch {
      // The session timeout does the same, later.
    }
  }

  /** Join and sync until the machine waits for the application or for time. One loop at a time. */
  #run(): void {
    if (this.#isRunning || this.#isClosed) return;
    this.#isRunning = true;
    this.#loop()
      .catch((error: unknown) => {
        this.#failure = isAnomalyError(error)
          ? error
          : new AnomalyError('ANM_PROTOCOL', `cannot join group ${this.#groupId}: ${(error as Error).message}`, {
              cause: error,
            });
      })
      .finally(() => {
        this.#isRunning = false;
        this.#stepped();
        this.#application.signal();
      });
  }

  #stepped(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #loop(): Promise<void> {
    while (!this.#isClosed) {
      this.#stepped();
      const step = this.machine.step;
      if (step.do === 'assign' && step.partitions.length === 0 && this.machine.held.length > 0) {
        // All that it has it had before: nothing to tell, and the next rebalance may be waiting for it.
        this.machine.assigned();
        continue;
      }
      if (step.do !== 'join' && step.do !== 'sync') return;
      try {
        const errorCode = await this.#perform(step);
        if (errorCode === 0) {
          this.#pauseMs = FIRST_PAUSE_MS;
          this.#failingSinceMs = 0;
          continue;
        }
        if (kafkaError(errorCode).retry === 'coordinator') this.#transport.forgetCoordinator();
        if (kafkaError(errorCode).retry === 'no') continue;
        this.#expectBefore(protocolFailure(errorCode, `join group ${this.#groupId}`));
      } catch (error) {
        if (this.#isClosed) return;
        if (isAnomalyError(error) && !error.retryable && error.details['kafkaErrorCode'] === undefined) throw error;
        this.#transport.forgetCoordinator();
        this.#expectBefore(error as Error);
      }
      await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Passing trouble is repeated until the retry timeout. */
  #expectBefore(error: Error): void {
    const nowMs = performance.now();
    if (this.#failingSinceMs === 0) this.#failingSinceMs = nowMs;
    if (nowMs - this.#failingSinceMs > this.#timing.retryTimeoutMs) throw error;
  }

  async #perform(step: Step): Promise<number> {
    const { machine } = this;
    if (step.do === 'join') {
      const answer = await this.#transport.join(machine.memberId, this.#offers());
      machine.joined(answer);
      return answer.errorCode;
    }
    const assignments = machine.isLeader ? await this.#assign() : null;
    const answer = await this.#transport.sync(machine, assignments);
    const { partitions } = answer;
    // A former self's, of topics that were subscribed to then: they are given back before anything of them is read.
    const kept = this.#isBack ? partitions.filter(({ topic }) => this.#topics.includes(topic)) : partitions;
    machine.synced(answer.errorCode, kept);
    if (kept.length < partitions.length) machine.rejoin();
    return answer.errorCode;
  }

  get #isBack(): boolean {
    return this.#timing.isStatic && this.machine.isNewcomer;
  }

  /** What is held is told to those assignors that can leave it there. */
  #offers(): OfferedProtocol[] {
    const { held: owned, ownedIn: generation, asksAnew } = this.machine;
    const topics = this.#topics;
    // Nobody reads an eager member's generation, but the same subscription again would be answered without a rebalance.
    const eager = { topics, owned: [], generation: asksAnew ? generation : -1 };
    return this.#timing.assignors.map(({ name, isCooperative }) => ({
      name,
      metadata: encodeSubscription(isCooperative ? { topics, owned, generation } : eager),
    }));
  }

  async #assign(): Promise<Assignments> {
    const { machine } = this;
    const assignor = this.#timing.assignors.find((each) => each.name === machine.protocol);
    if (assignor === undefined) {
      throw new AnomalyError(
        'ANM_GROUP_PROTOCOL',
        `cannot lead group ${this.#groupId} by the protocol ${machine.protocol}`,
      );
    }
    const members = machine.members.map(({ memberId, instanceId, metadata }) => ({
      memberId,
      instanceId,
      subscription: decodeSubscription(metadata),
    }));
    return assignor.assign(members, await this.#watch.count(members.flatMap((m) => m.subscription.topics)));
  }

  async #beat(): Promise<void> {
    const { machine } = this;
    if (!machine.beats || this.#isBeating || this.#isClosed) return;
    this.#isBeating = true;
    const generation = machine.generation;
    try {
      const errorCode = await this.#transport.heartbeat(machine.memberId, generation);
      if (kafkaError(errorCode).retry === 'coordinator') this.#transport.forgetCoordinator();
      machine.answered(errorCode, generation);
      if (await this.#watch.isOutdated(machine, this.#isBack)) machine.rejoin();
    } catch {
      // The next beat goes to the coordinator found anew; the session timeout bounds how long that may fail.
      this.#transport.forgetCoordinator();
    } finally {
      this.#isBeating = false;
      this.#next();
    }
  }

  #next(): void {
    if (this.#isClosed) return;
    if (this.hasWork) this.#application.signal();
    else this.#run();
  }

  #explain(errorCode: number): AnomalyError {
    const { name } = kafkaError(errorCode);
    if (name === 'FENCED_INSTANCE_ID') {
      return new AnomalyError(
        'ANM_INSTANCE_FENCED',
        `cannot stay in group ${this.#groupId} as another process joined it under the same instance (${name})`,
        { details: { groupId: this.#groupId, kafkaError: name } },
      );
    }
    const action = `stay in group ${this.#groupId}`;
    if (name === 'INCONSISTENT_GROUP_PROTOCOL') {
      return new AnomalyError(
        'ANM_GROUP_PROTOCOL',
        `cannot join group ${this.#groupId} as its members use another protocol than ${this.#timing.assignors.map((a) => a.name).join(' or ')} (${name})`,
        { details: { groupId: this.#groupId, kafkaError: name } },
      );
    }
    return protocolFailure(errorCode, action, { details: { groupId: this.#groupId } });
  }
}
