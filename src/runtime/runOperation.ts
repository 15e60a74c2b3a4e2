import type { TopicPartition } from '../clients/topicPartition.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import type { PartitionPipeline } from '../engine/pipeline.ts';
import { AnomalyError } from '../errors.ts';
import type { StatusQueues } from '../observe/status.ts';
import type { Logger } from '../output/logger.ts';
import type { Checkpointer } from './checkpoints/checkpointer.ts';
import type { CommandedVerdict, ControlCommand } from './control/command.ts';
import { RunControl } from './control/runControl.ts';
import type { JobHooks } from './jobHooks.ts';
import type { ModelDispatch } from './model/modelDispatch.ts';
import type { PartitionAtWork } from './partitionAtWork.ts';
import type { Crash } from './poison/crashMemory.ts';
import { PoisonGuard } from './poison/poisonGuard.ts';
import type { Restored } from './recovery/restorer.ts';
import type { RunnerOptions, RunTotals } from './runnerOptions.ts';
import { EndSampler } from './status/endSampler.ts';
import type { RunGauge } from './status/runGauge.ts';
import { partitionName } from './topics/partitionName.ts';

/** The run of a job as its operation sees it. */
export interface OperatedRun {
  readonly partitions: () => Iterable<PartitionAtWork>;
  readonly totals: RunTotals;
  /** Absent where there is no state. */
  readonly checkpointer: Pick<Checkpointer, 'keptOf'> | undefined;
  /** Absent where no model is asked. */
  readonly model: ModelDispatch | undefined;
  /**
   * Decodes, processes and puts out.
   *
   * @param isPiece of a batch that is taken record by record
   */
  readonly process: (batch: ColumnBatch, isPiece: boolean) => Promise<void>;
  /** Commits what was put out; false where the group takes none. */
  readonly commit: () => Promise<boolean>;
  /** Keeps the states of all partitions under a name; resolves with the id of the checkpoint, once it counts. */
  readonly savepoint: (name: string) => Promise<string>;
}

/** What a member's operation adds to a run: it is looked at, commanded, and kept from poison. */
export class RunOperation {
  readonly gauge: RunGauge;
  readonly #options: RunnerOptions;
  readonly #logger: Logger;
  readonly #hooks: JobHooks | undefined;
  readonly #run: OperatedRun;
  readonly #control: RunControl | undefined;
  readonly #guard: PoisonGuard | undefined;
  /** False while the group has yet to say which partitions the member has. */
  #isAssigned = false;
  /** Since when the member has no partition. */
  #emptySinceMs: number | undefined;

  constructor(options: RunnerOptions, gauge: RunGauge, run: OperatedRun) {
    const { hooks, consumer, logger } = options;
    this.gauge = gauge;
    this.#options = options;
    this.#logger = logger;
    this.#hooks = hooks;
    this.#run = run;
    if (hooks === undefined) return;
    this.#guard = new PoisonGuard(hooks.crashes, {
      process: (batch, isPiece) => run.process(batch, isPiece),
      putAside: (one, crash, times) => this.#putAside(one, crash, times),
    });
    this.#control = new RunControl(hooks.control, {
      ...{ consumer, logger },
      partitions: () => [...run.partitions()].filter(({ isRestoring }) => !isRestoring),
      waitsFor: () => this.#waitsFor(),
      ticks: options.ticks,
      journal: (command) => this.#journal(command),
      savepoint: (name) => this.#savepoint(name),
      feedback: (verdict) => this.#feedback(verdict),
      promote: (uri, by) => this.#promote(uri, by),
      stop: () => hooks.stop(),
    });
  }

  /** The run can be looked at from here on. */
  begin(): void {
    const { consumer, producer, state, ticks } = this.#options;
    const { partitions, totals } = this.#run;
    const ends = state === undefined ? undefined : new EndSampler(state.client.admin, ticks);
    this.#hooks?.watch(() =>
      this.gauge.reading({
        ...{ partitions, totals, consumer, isPaused: this.isPaused },
        transactionsAborted: producer.stats.transactionsAborted ?? 0,
        model: this.#run.model?.reading() ?? null,
        queues: this.#queues(),
        ends,
      }),
    );
  }

  #queues(): StatusQueues {
    const { recordsAppended, recordsAcknowledged } = this.#options.producer.stats;
    const { model } = this.#run;
    return { sink: Math.max(0, recordsAppended - recordsAcknowledged), model: model?.waiting ?? null };
  }

  /** Told to read nothing: silence is no sign of the source then. */
  get isPaused(): boolean {
    return this.#control?.isPaused ?? false;
  }

  /** Between two batches: applies the commands that have come. */
  turn(): void {
    if (this.#hooks === undefined) return;
    for (const { topic, partition, committed } of this.#run.partitions()) {
      this.#hooks.crashes.committed(topic, partition, committed);
    }
    const [any] = this.#run.partitions();
    this.#emptySinceMs = any === undefined ? (this.#emptySinceMs ?? this.#options.ticks()) : undefined;
    this.#control?.turn();
  }

  /** A batch that was polled. */
  async take(batch: ColumnBatch): Promise<void> {
    if (this.#control?.holds(batch) === true) return;
    if (this.#guard === undefined) await this.#run.process(batch, false);
    else await this.#guard.take(batch);
  }

  /** Alerts that are about to be put out. */
  alerted({ alertRows, keys }: PartitionPipeline): void {
    for (let row = 0; row < alertRows.count; row++) {
      if (alertRows.isAlert(row)) this.#hooks?.seriesGroups.add(keys.name(alertRows.series[row]!));
    }
  }

  assigned(): void {
    this.gauge.hasJoined = true;
    this.#isAssigned = true;
  }

  /** All partitions are given back or lost: the group says which come next. */
  waits(): void {
    this.#isAssigned = false;
  }

  /** The run has failed. */
  end(): void {
    this.#control?.end();
  }

  /** A partition is back, with what its journal knows of crashes. */
  restored({ partition: { topic, partition }, recovered }: Restored): void {
    if (this.#hooks === undefined) return;
    const { crashes } = this.#hooks;
    const known = recovered.crashes.map(({ offset, to, error }) => ({
      topic,
      partition,
      from: offset,
      to,
      error,
      stack: '',
    }));
    crashes.learn(topic, partition, known);
    const aside: number[] = [];
    for (const effect of recovered.effects) {
      for (let at = effect.offset; effect.type === 'poison' && at < effect.to; at++) aside.push(at);
    }
    crashes.skipOnly(topic, partition, aside);
  }

  #waitsFor(): string | undefined {
    const partitions = [...this.#run.partitions()];
    const late = partitions.find(({ isRestoring, isReplaying }) => isRestoring || isReplaying);
    if (late !== undefined) return `${late.name} is being restored`;
    if (partitions.length > 0) return undefined;
    const emptyMs = this.#options.ticks() - (this.#emptySinceMs ?? this.#options.ticks());
    // What it is to have may first have to be given up by another. A member more than there are partitions has none.
    const isUnsettled = !this.#isAssigned || emptyMs < SETTLING_MS;
    return isUnsettled ? 'the group has given it no partition yet' : undefined;
  }

  async #savepoint(name: string): Promise<string> {
    const partitions = [...this.#run.partitions()];
    const { checkpointer } = this.#run;
    const isTaken = (at: PartitionAtWork) => checkpointer?.keptOf(at).some(({ savepoint }) => savepoint === name);
    if (partitions.some(isTaken)) {
      throw new AnomalyError('ANM_CONTROL', `cannot take savepoint ${name} as there is one of that name`);
    }
    // A member without partitions has nothing to add to it.
    return partitions.length === 0 ? 'nothing to save' : await this.#run.savepoint(name);
  }

  async #feedback({ partition, ...verdict }: CommandedVerdict): Promise<string> {
    // An alert that waits for the model may push the judged one out of what its series remembers.
    const { model } = this.#run;
    for (let waits = model?.drained(); waits !== undefined; waits = model?.drained()) await waits;
    // As they are now: the group may have moved on meanwhile.
    const here = [...this.#run.partitions()].filter((each) => each.partition === partition && !each.isRestoring);
    if (here.length === 0) return 'is of another member';
    const judged = here.map((each) => each.judge(verdict)).find((each) => each !== undefined);
    if (judged === undefined)
      return `moved no threshold: verdicts move none of ${verdict.rule}, or ${verdict.series} has no state`;
    const { outcome, from, to } = judged;
    if (outcome === 'forgotten') return 'moved no threshold: the alert is none of the last 8 of its series';
    if (outcome === 'unchanged') return `threshold ${shown(to)}: the alert had this verdict already`;
    const { totals } = this.#run;
    if (verdict.isTrue) totals.trueAlerts++;
    else totals.falseAlerts++;
    const text = `threshold ${shown(from)} -> ${shown(to)}`;
    if (await this.#run.commit()) return text;
    throw new AnomalyError('ANM_GROUP_REBALANCED', `cannot commit the verdict as the group moved on: give it again`);
  }

  async #promote(uri: string, by: string): Promise<string> {
    const { model } = this.#run;
    if (model === undefined) {
      throw new AnomalyError('ANM_CONTROL', `cannot promote ${uri} as no model is configured here (score.model.uri)`);
    }
    const text = await model.promote(uri, `promoted by ${by}`);
    if (await this.#run.commit()) return text;
    throw new AnomalyError('ANM_GROUP_REBALANCED', `cannot commit the model as the group moved on: promote it again`);
  }

  #journal({ command, name, id }: ControlCommand): void {
    for (const partition of this.#run.partitions()) {
      if (partition.isRestoring) continue;
      const text = name === null ? command : `${command} ${name}`;
      partition.drafts.push({ type: 'control', offset: partition.position, command: text, id });
    }
  }

  #putAside(one: ColumnBatch, crash: Crash, times: number): void {
    const partition = this.#partition(one);
    if (partition === undefined) return;
    this.#logger.error(`put ${partition.name} offset ${one.firstOffset} aside after ${times} crashes: ${crash.error}`);
    this.#options.sink.poison?.(one, crash);
    partition.putAside(one.firstOffset, crash.error);
    partition.deadLetters++;
    this.#run.totals.deadLetters++;
    this.gauge.poison++;
  }

  #partition(batch: TopicPartition): PartitionAtWork | undefined {
    const name = partitionName(batch);
    for (const each of this.#run.partitions()) if (each.name === name && !each.isRestoring) return each;
    return undefined;
  }
}

function shown(threshold: number): string {
  return String(Math.round(threshold * 1000) / 1000);
}

/** More than a heartbeat, by which a member learns that the group has another assignment. */
const SETTLING_MS = 5000;
