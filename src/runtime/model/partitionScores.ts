import type { AskedRows } from '../../engine/model/pendingScores.ts';
import type { PartitionPipeline } from '../../engine/pipeline.ts';
import type { JournalDraft, ScoresRecord } from '../journal/journalRecord.ts';
import { JournaledScores } from './journaledScores.ts';
import { type ScoredRows, ScoreLog } from './scoreLog.ts';
import { WaitingSince } from './waitingSince.ts';

/** What a partition's scores call for. */
export interface ScoreHooks {
  /** There are alerts in the pipeline's output tables. */
  readonly onFused: () => void;
  /** Rows wait to be handed over. */
  readonly onAsked: () => void;
  /** A record that is run again has no score in the journal, though the model is asked at this offset. */
  readonly onMissing: (offset: number) => void;
}

/** Where partitions get their scores from. */
export interface ScoreSource {
  /**
   * @param name of the partition, for messages
   * @param onFused is called when there are alerts in the pipeline's output tables
   */
  open(pipeline: PartitionPipeline, name: string, onFused: () => void): PartitionScores;
}

/** When input counts as live. */
export interface LiveRule {
  /** score.model.backlog_after: a record that is older when it is read is part of a backlog; 0 where all input is. */
  readonly backlogAfterMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly ticks: () => number;
}

/** Rows that a model was asked for, and what came of it once it is known. */
export interface Handed {
  readonly asked: AskedRows;
  answer: Pick<ScoredRows, 'scores' | 'models' | 'by'> | undefined;
}

const NOTHING = new Float32Array(0);
/** For how long after its end was reached the input counts as live. */
const LIVE_MS = 1000;

/**
 * The scores of one partition on their way: rows go to a model in order, answers come in any and are taken in order. What
 * was journaled is fed back instead, and no model is asked.
 */
export class PartitionScores {
  /** Nobody waits for its answers. */
  isGone = false;
  readonly pipeline: PartitionPipeline;
  /** Called when rows have their scores. */
  onScored: (() => void) | undefined;
  readonly #hooks: ScoreHooks;
  readonly #handed: Handed[] = [];
  #journaled: JournaledScores | undefined;
  #log = new ScoreLog(0);
  /** Rows of the partition that have their scores. */
  #had = 0;
  readonly #waitingSince = new WaitingSince();
  readonly #clocks: LiveRule;
  #liveMs = -Infinity;

  constructor(pipeline: PartitionPipeline, hooks: ScoreHooks, clocks: LiveRule) {
    this.pipeline = pipeline;
    this.#hooks = hooks;
    this.#clocks = clocks;
  }

  /** Values that wait, whether for a model or for those before them. */
  get waiting(): number {
    return this.pipeline.pendingCount;
  }

  /** Rows that the model was to score, and those of them that have what came of it. */
  get askedEver(): number {
    return this.pipeline.model!.pending.askedEver;
  }

  get scoredEver(): number {
    return this.#had;
  }

  /** Goes on at an offset, up to which or beyond which the journal has scores. @throws ANM_JOURNAL_CORRUPT */
  begin(offset: number, records: readonly ScoresRecord[]): void {
    this.#log = new ScoreLog(offset);
    this.#had = this.pipeline.model!.pending.askedEver;
    const journaled = new JournaledScores(records, this.#had);
    this.#journaled = journaled.isEmpty ? undefined : journaled;
  }

  /** Values were scored whose alerts are committed: no model is asked, the journal has what it said. */
  replayed(): void {
    const asked = this.pipeline.model!.pending.take(Infinity);
    if (asked !== undefined) this.#feed(asked.offsets);
    this.pipeline.fuse(NOTHING, 0);
  }

  /** Values were scored that are new: what the journal has of them, as their commit did not come through, else a model. */
  advance(): void {
    const { pending } = this.pipeline.model!;
    for (let at = pending.nextAt; this.#journaled !== undefined && !Number.isNaN(at); at = pending.nextAt) {
      if (!this.#journaled.take(at)) {
        this.#journaled = undefined;
        break;
      }
      const { score, model } = this.#journaled;
      this.#take({ offsets: pending.take(1)!.offsets, scores: Float32Array.of(score), models: [model!] });
    }
    this.pipeline.fuse(NOTHING, 0);
    this.#told();
    if (pending.untaken === 0) return;
    this.#waitingSince.arrived(pending.askedEver, this.#ticks());
    this.#hooks.onAsked();
  }

  /** Hands over the next rows, `most` at most. */
  hand(most: number): Handed | undefined {
    if (this.#journaled !== undefined) return undefined;
    const asked = this.pipeline.model!.pending.take(most);
    if (asked === undefined) return undefined;
    const handed: Handed = { asked, answer: undefined };
    this.#handed.push(handed);
    return handed;
  }

  /** The input was read to its end as it is known: what comes now is live. */
  caughtUp(): void {
    this.#liveMs = this.#ticks();
  }

  /** Records of this time are worked on: young ones are live, also where the input is not read to its end. */
  heard(recordMs: number): void {
    const { now, backlogAfterMs } = this.#clocks;
    if (now() - recordMs < backlogAfterMs) this.caughtUp();
  }

  get isLive(): boolean {
    return this.#ticks() - this.#liveMs <= LIVE_MS;
  }

  /**
   * Rows that have waited for longer than `timeoutMs` to be handed over, where the input is live: a model that is too slow
   * must not make the pipeline late. They are not for it any more. A backlog waits for the model.
   *
   * @param most of them
   */
  overdue(timeoutMs: number, most: number): Handed | undefined {
    const { pending } = this.pipeline.model!;
    if (this.#journaled !== undefined || pending.untaken === 0 || !this.isLive) return undefined;
    const rows = this.#waitingSince.overdue(pending.askedEver - pending.untaken, this.#ticks() - timeoutMs);
    return this.hand(Math.min(most, rows));
  }

  /** Takes the answer to what was handed over, and all that waited for it. */
  take(handed: Handed, answer: NonNullable<Handed['answer']>): void {
    handed.answer = answer;
    if (this.isGone) return;
    for (let next = this.#handed[0]; next?.answer !== undefined; next = this.#handed[0]) {
      this.#handed.shift();
      this.#take({ offsets: next.asked.offsets, ...next.answer });
    }
  }

  /** What the journal is to know of the scores since the last call, with the commit of `offset`. Nothing waits. */
  drafts(offset: number): JournalDraft[] {
    return this.#log.take(offset);
  }

  #take(taken: Omit<ScoredRows, 'first'>): void {
    const rows = { ...taken, first: this.#had };
    this.#had += rows.scores.length;
    this.#log.add(rows);
    const { model } = this.pipeline;
    const indexes = rows.models.map((each) => model!.indexOf(each));
    const by = rows.by === undefined ? indexes[0]! : Int32Array.from(rows.by, (each) => indexes[each]!);
    this.pipeline.fuse(rows.scores, by);
    this.onScored?.();
    this.#told();
  }

  #ticks(): number {
    return this.#clocks.ticks();
  }

  #told(): void {
    if (this.pipeline.alertRows.count > 0) this.#hooks.onFused();
  }

  /** Nothing of it is put out: whoever calls throws it away. */
  #feed(offsets: Float64Array): void {
    const journaled = this.#journaled;
    const scores = new Float32Array(offsets.length).fill(NaN);
    const by = new Int32Array(offsets.length);
    this.#had += offsets.length;
    for (let row = 0; row < offsets.length; row++) {
      if (journaled?.take(offsets[row]!) !== true) {
        this.#hooks.onMissing(offsets[row]!);
        continue;
      }
      scores[row] = journaled.score;
      by[row] = this.pipeline.model!.indexOf(journaled.model!);
    }
    this.pipeline.fuse(scores, by);
  }
}
