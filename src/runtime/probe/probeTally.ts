import { LatencySketch, type SketchData } from '../../observe/latencySketch.ts';

/** Times that a probe may take, milliseconds. Names and defaults are those of kminion's end-to-end probe. */
export interface ProbeSlas {
  readonly ackMs: number;
  readonly roundtripMs: number;
  readonly commitMs: number;
}

/** What became of one probe: it is told once, when it is back or given up. */
export interface ProbeResult {
  readonly number: number;
  readonly partition: number;
  readonly broker: number;
  /** `late`: back in time, and acknowledged too late. */
  readonly outcome: 'ok' | 'late' | 'lost' | 'failed';
  readonly ackMs: number | null;
  readonly roundtripMs: number | null;
  readonly problem: string | null;
}

/** Of all probes, or of those of one broker. */
export interface ProbeCounts {
  readonly sent: number;
  readonly acknowledged: number;
  readonly received: number;
  /** Not back within the round trip's time, whether the broker acknowledged them or not. */
  readonly lost: number;
  /** Of these the ones that came after all. */
  readonly cameLate: number;
  readonly duplicates: number;
  /** The broker did not take them. */
  readonly failed: number;
  readonly acksMissed: number;
  readonly commitsMissed: number;
  readonly produce: SketchData;
  readonly roundtrip: SketchData;
  readonly commit: SketchData;
}

interface Open {
  readonly number: number;
  readonly partition: number;
  readonly broker: number;
  readonly sentTicks: number;
  ackMs: number | null;
  roundtripMs: number | null;
}

/** Follows numbered probes from their sending to their return. Pure: the times are given, in ticks of one clock. */
export class ProbeTally {
  readonly #slas: ProbeSlas;
  readonly #onResult: (result: ProbeResult) => void;
  readonly #open = new Map<string, Open>();
  /** Those that are done, so that one which comes again is known; the newest. */
  readonly #done = new Map<string, 'back' | 'lost' | 'failed'>();
  readonly #all = new Counts();
  readonly #byBroker = new Map<number, Counts>();

  constructor(slas: ProbeSlas, onResult: (result: ProbeResult) => void = () => {}) {
    this.#slas = slas;
    this.#onResult = onResult;
  }

  /** Probes that are neither back nor given up. */
  get inFlight(): number {
    return this.#open.size;
  }

  sent(number: number, partition: number, broker: number, sentTicks: number): void {
    this.#open.set(keyOf(number, partition), { number, partition, broker, sentTicks, ackMs: null, roundtripMs: null });
    this.#count(broker, (counts) => counts.sent++);
  }

  acknowledged(number: number, partition: number, atTicks: number): void {
    const open = this.#open.get(keyOf(number, partition));
    if (open === undefined) return;
    open.ackMs = atTicks - open.sentTicks;
    const { ackMs, broker } = open;
    this.#count(broker, (counts) => {
      counts.acknowledged++;
      counts.produce.add(ackMs);
      if (ackMs > this.#slas.ackMs) counts.acksMissed++;
    });
    if (open.roundtripMs !== null) this.#settle(open, ackMs > this.#slas.ackMs ? 'late' : 'ok', null);
  }

  failed(number: number, partition: number, problem: string): void {
    const open = this.#open.get(keyOf(number, partition));
    if (open === undefined) return;
    this.#count(open.broker, (counts) => counts.failed++);
    this.#settle(open, 'failed', problem);
  }

  received(number: number, partition: number, atTicks: number): void {
    const open = this.#open.get(keyOf(number, partition));
    if (open === undefined || open.roundtripMs !== null) {
      const before = open === undefined ? this.#done.get(keyOf(number, partition)) : 'back';
      if (before === 'lost') this.#all.cameLate++;
      else if (before === 'back') this.#all.duplicates++;
      // A broker may have taken one whose answer did not come: that it is there, once, is no duplicate.
      if (before === 'lost' || before === 'failed') this.#done.set(keyOf(number, partition), 'back');
      return;
    }
    open.roundtripMs = atTicks - open.sentTicks;
    // The time may have passed while nobody looked.
    if (open.roundtripMs > this.#slas.roundtripMs) {
      this.#lose(open);
      this.#all.cameLate++;
      this.#done.set(keyOf(number, partition), 'back');
      return;
    }
    const { roundtripMs, ackMs } = open;
    this.#count(open.broker, (counts) => {
      counts.received++;
      counts.roundtrip.add(roundtripMs);
    });
    if (ackMs !== null) this.#settle(open, ackMs > this.#slas.ackMs ? 'late' : 'ok', null);
  }

  committed(broker: number, commitMs: number): void {
    this.#count(broker, (counts) => {
      counts.commit.add(commitMs);
      if (commitMs > this.#slas.commitMs) counts.commitsMissed++;
    });
  }

  commitFailed(broker: number): void {
    this.#count(broker, (counts) => counts.commitsMissed++);
  }

  /** Gives up those whose time is over. */
  expire(atTicks: number): void {
    for (const open of this.#open.values()) {
      if (atTicks - open.sentTicks <= this.#slas.roundtripMs) continue;
      // It is back, and only its acknowledgement is missing.
      if (open.roundtripMs !== null) {
        this.#count(open.broker, (counts) => counts.acksMissed++);
        this.#settle(open, 'late', 'no acknowledgement');
      } else this.#lose(open);
    }
  }

  counts(): ProbeCounts {
    return this.#all.plain();
  }

  byBroker(): { readonly broker: number; readonly counts: ProbeCounts }[] {
    return [...this.#byBroker].sort(([a], [b]) => a - b).map(([broker, each]) => ({ broker, counts: each.plain() }));
  }

  #lose(open: Open): void {
    this.#count(open.broker, (counts) => counts.lost++);
    const why = open.ackMs === null ? 'not acknowledged either' : 'the broker had acknowledged it';
    this.#settle({ ...open, roundtripMs: null }, 'lost', why);
  }

  #settle(
    { number, partition, broker, ackMs, roundtripMs }: Open,
    outcome: ProbeResult['outcome'],
    problem: string | null,
  ) {
    const key = keyOf(number, partition);
    this.#open.delete(key);
    const isBack = roundtripMs !== null;
    this.#done.set(key, isBack ? 'back' : outcome === 'failed' ? 'failed' : 'lost');
    if (this.#done.size > KEPT_DONE) this.#done.delete(this.#done.keys().next().value!);
    this.#onResult({ number, partition, broker, outcome, ackMs, roundtripMs, problem });
  }

  #count(broker: number, add: (counts: Counts) => void): void {
    let own = this.#byBroker.get(broker);
    if (own === undefined) {
      own = new Counts();
      this.#byBroker.set(broker, own);
    }
    add(own);
    add(this.#all);
  }
}

class Counts {
  sent = 0;
  acknowledged = 0;
  received = 0;
  lost = 0;
  cameLate = 0;
  duplicates = 0;
  failed = 0;
  acksMissed = 0;
  commitsMissed = 0;
  readonly produce = new LatencySketch();
  readonly roundtrip = new LatencySketch();
  readonly commit = new LatencySketch();

  plain(): ProbeCounts {
    const { produce, roundtrip, commit, ...counts } = this;
    return { ...counts, produce: produce.plain(), roundtrip: roundtrip.plain(), commit: commit.plain() } as ProbeCounts;
  }
}

function keyOf(number: number, partition: number): string {
  return `${partition}/${number}`;
}

const KEPT_DONE = 10_000;
