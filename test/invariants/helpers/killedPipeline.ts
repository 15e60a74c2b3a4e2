import assert from 'node:assert/strict';
import type { ApiName } from '../../../src/broker/protocol/apis.ts';
import { KafkaError } from '../../../src/broker/protocol/errorCodes.ts';
import type { World } from '../../helpers/world.ts';
import { BrokerTap } from './brokerTap.ts';
import { type Child, startAnomaly } from './child.ts';
import { type Beside, type Step, TransactionSteps } from './deathPlace.ts';
import type { LeapClock } from './leapClock.ts';
import type { Readings } from './readings.ts';
import type { TopicReader } from './topicReader.ts';
import type { TornS3 } from './tornS3.ts';

/** Longer than a session, which the run leaves at ten seconds, and than its transaction_timeout. */
const LEAP_MS = 15_000;
const LONGEST_HOLD_MS = 12;
const HELD_SHARE = 0.25;
const STEPS_OF_TRANSACTION = ['Produce', 'AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'] as const;
const COORDINATED = ['AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn', 'OffsetFetch', 'JoinGroup', 'SyncGroup'] as const;

/** What a death waits for: the n-th step of its transactions, the n-th request to the store, or of a rebalance. */
type Aim = { readonly at: 'step' | 'store' | 'group'; readonly after: number; readonly laterMs: number };

export interface KilledOptions {
  readonly world: World;
  readonly clock: LeapClock;
  readonly store: TornS3;
  /** Of what each life is to meet; what requests meet is drawn apart, since their number is not the same twice. */
  readonly random: () => number;
  readonly requestRandom: () => number;
  readonly readings: Readings;
  readonly windows: TopicReader;
  readonly group: string;
  /** Arguments of the run, without --instance. */
  readonly argv: readonly string[];
}

/**
 * A pipeline whose first member is killed again and again at moments that a seed draws, while a second one joins, leaves
 * and dies, the broker errs, loses and delays, and the store is slow, fails and tears.
 */
export class KilledPipeline {
  readonly steps = new Map<Step, number>();
  readonly besides = new Map<Beside, number>();
  /** How often the second member joined, left in order and was killed. */
  readonly second = { joined: 0, left: 0, killed: 0 };
  readonly #options: KilledOptions;
  readonly #transactions = new TransactionSteps();
  #aim: { left: number; aim: Aim; strike: () => void } | undefined;
  #other: Child | undefined;
  #wasStatic = false;

  constructor(options: KilledOptions) {
    this.#options = options;
    const { world, store, requestRandom } = options;
    const tap = new BrokerTap(world.broker);
    tap.onRequest = (api, request) => {
      if (this.#transactions.received(api, request, this.#otherId)) this.#happened('step');
      if (api === 'JoinGroup' || api === 'SyncGroup' || api === 'LeaveGroup') this.#happened('group');
      const isStep = (STEPS_OF_TRANSACTION as readonly ApiName[]).includes(api);
      if (!isStep || (request as { transactionalId?: unknown }).transactionalId === null) return undefined;
      if (requestRandom() >= HELD_SHARE) return undefined;
      return new Promise((resolve) => setTimeout(resolve, requestRandom() * LONGEST_HOLD_MS));
    };
    tap.onAnswer = (api, request) => this.#transactions.answered(api, request);
    store.onRequest = () => this.#happened('store');
  }

  get #otherId(): string {
    return `${this.#options.group}-two`;
  }

  /** One life of the first member, from its start to its kill. */
  async live(): Promise<void> {
    const { clock, random, store } = this.#options;
    this.#arm();
    this.#transactions.forget();
    store.forget();
    const isStatic = random() < 0.6;
    const child = this.#start(isStatic ? 'one' : undefined);
    const aim = this.#draw();
    const where = await this.#untilStruck(child, aim);
    assert.equal((await child.ended).signal, 'SIGKILL', child.stderr());
    this.steps.set(where.step, (this.steps.get(where.step) ?? 0) + 1);
    for (const beside of where.besides) this.besides.set(beside, (this.besides.get(beside) ?? 0) + 1);
    if (random() < 0.25) store.tear(this.#options.group, Math.floor(random() * 4));
    // A static member that comes back is known to the group; of any other death the broker has to take note.
    if (!(isStatic && this.#wasStatic)) clock.leap(LEAP_MS);
    this.#wasStatic = isStatic;
  }

  /** Nothing errs any more; the second member leaves. */
  async calm(): Promise<void> {
    const { world, clock, store } = this.#options;
    world.broker.faults.clear();
    store.faultShare = 0;
    if (this.#other !== undefined) {
      this.#other.kill('SIGTERM');
      const { code, stderr } = await this.#other.ended;
      assert.equal(code, 0, stderr);
    }
    clock.leap(LEAP_MS);
  }

  #start(instance: string | undefined): Child {
    const { world, argv } = this.#options;
    return startAnomaly(world, [...argv, ...(instance === undefined ? [] : ['--instance', instance])]);
  }

  #draw(): Aim {
    const { random } = this.#options;
    const at = (['step', 'step', 'step', 'store', 'group'] as const)[Math.floor(random() * 5)]!;
    const most = { step: 160, store: 60, group: 3 }[at];
    const laterMs = random() < 0.5 ? 0 : random() * 20;
    // Squared, so that the beginning of a life is met as well.
    return { at, after: 1 + Math.floor(random() ** 2 * most), laterMs };
  }

  /** Errors, lost requests and answers, and coordinators that moved, by chance. */
  #arm(): void {
    const { world, random, store } = this.#options;
    const { faults } = world.broker;
    faults.clear();
    store.faultShare = 0.1;
    const seed = () => Math.floor(random() * 2 ** 31);
    for (const api of STEPS_OF_TRANSACTION) {
      faults.inject({ api, probability: 0.01, seed: seed(), drop: 'before' });
      faults.inject({ api, probability: 0.01, seed: seed(), drop: 'after' });
    }
    for (const api of COORDINATED) {
      faults.inject({ api, probability: 0.01, seed: seed(), errorCode: KafkaError.NOT_COORDINATOR });
      faults.inject({ api, probability: 0.01, seed: seed(), errorCode: KafkaError.COORDINATOR_LOAD_IN_PROGRESS });
    }
    const { CONCURRENT_TRANSACTIONS, NOT_LEADER_OR_FOLLOWER } = KafkaError;
    faults.inject({ api: 'AddPartitionsToTxn', probability: 0.02, seed: seed(), errorCode: CONCURRENT_TRANSACTIONS });
    faults.inject({ api: 'Produce', probability: 0.01, seed: seed(), errorCode: NOT_LEADER_OR_FOLLOWER });
  }

  #happened(at: Aim['at']): void {
    const aimed = this.#aim;
    if (aimed === undefined || aimed.aim.at !== at || --aimed.left > 0) return;
    this.#aim = undefined;
    if (aimed.aim.laterMs === 0) aimed.strike();
    else setTimeout(aimed.strike, aimed.aim.laterMs);
  }

  async #untilStruck(child: Child, aim: Aim): Promise<{ step: Step; besides: Beside[] }> {
    const { random, readings, windows } = this.#options;
    let where: { step: Step; besides: Beside[] } | undefined;
    const strike = () => {
      where = this.#place(child);
      child.kill('SIGKILL');
    };
    // Where the second member does something, it does so in the middle of this life.
    const turn = Math.floor(random() * 40);
    if (aim.at !== 'group') this.#aim = { left: aim.after, aim, strike };
    for (let round = 0; where === undefined; round++) {
      readings.append(80);
      await windows.poll(20);
      assert.doesNotMatch(child.stderr(), /error\[/);
      if (this.#other !== undefined) assert.doesNotMatch(this.#other.stderr(), /error\[/);
      if (round !== turn) continue;
      await this.#moveOther(aim.at === 'group');
      if (aim.at === 'group') this.#aim = { left: aim.after, aim, strike };
    }
    return where;
  }

  /** The second member joins, leaves in order, or is killed. */
  async #moveOther(surely: boolean): Promise<void> {
    const { random, readings, windows } = this.#options;
    const chance = surely ? 0 : random();
    if (this.#other === undefined) {
      if (chance > 0.5) return;
      this.#other = this.#start('two');
      this.second.joined++;
    } else if (chance < 0.5) {
      const other = this.#other;
      this.#other = undefined;
      const isKilled = random() < 0.4;
      other.kill(isKilled ? 'SIGKILL' : 'SIGTERM');
      this.second[isKilled ? 'killed' : 'left']++;
      // A member that leaves may need the first one to be alive: the kill does not wait for it.
      void other.ended.then(({ code, signal, stderr }) => assert.ok(signal !== null || code === 0, stderr));
    }
    readings.append(80);
    await windows.poll(20);
  }

  #place(child: Child): { step: Step; besides: Beside[] } {
    const { world, store, group } = this.#options;
    const step = this.#transactions.of(this.#otherId);
    const hasPartitions = /assigned readings/.test(child.stderr());
    const besides: Beside[] = [];
    const isSettled = world.broker.context.groups.get(group)?.state === 'Stable';
    if (!hasPartitions) besides.push('start');
    else if (!isSettled) besides.push('rebalance');
    if (hasPartitions && step === 'before the first transaction') besides.push('restore');
    // Of two members' uploads the store does not tell whose is whose.
    if (this.#other === undefined && store.isUploading) besides.push('upload');
    return { step, besides };
  }
}
