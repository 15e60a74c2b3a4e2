// Whose CPU time a measurement was: of this process and each that it started, by name, and of the rest of the machine.
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const SAMPLE_MS = 1000;
/** Of /proc: USER_HZ of every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Sampled {
  readonly pid: number;
  readonly parent: number;
  readonly seconds: number;
}

/** Samples once a second, so what a process did in its last second before it was killed is not in it. */
export class CpuShares {
  readonly #nameOf: (commandLine: string) => string;
  readonly #last = new Map<number, number>();
  readonly #seconds = new Map<string, number>();
  readonly #names = new Map<number, string>();
  readonly #timer: NodeJS.Timeout;
  #machine = machineSeconds();
  #beganMs = performance.now();

  constructor(nameOf: (commandLine: string) => string) {
    this.#nameOf = nameOf;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** What was so far does not count. */
  begin(): void {
    this.#sample();
    this.#seconds.clear();
    this.#machine = machineSeconds();
    this.#beganMs = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** CPU seconds since `begin`, and what share of the machine's time nobody wanted: near 0 it was the machine that was too slow. */
  figures() {
    this.#sample();
    const { busy, idle, stolen } = machineSeconds();
    const own = Object.fromEntries([...this.#seconds].map(([name, seconds]) => [name, round(seconds)]));
    const ownSum = [...this.#seconds.values()].reduce((sum, each) => sum + each, 0);
    const wall = (performance.now() - this.#beganMs) / 1000;
    return {
      own,
      others: round(Math.max(0, busy - this.#machine.busy - ownSum)),
      stolen: round(stolen - this.#machine.stolen),
      idleShare: round((idle - this.#machine.idle) / (wall * cpus().length)),
    };
  }

  #sample(): void {
    const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (sampleOf(Number(name)) ?? []) : []));
    const mine = new Set([process.pid]);
    // A child has mostly a higher id than its parent, but ids begin anew.
    for (let before = 0; before !== mine.size; ) {
      before = mine.size;
      for (const { pid, parent } of all) if (mine.has(parent)) mine.add(pid);
    }
    for (const { pid, seconds } of all) {
      if (!mine.has(pid)) continue;
      // A process that has just begun may still be a copy of its parent.
      const known = this.#names.get(pid);
      const name = known ?? (pid === process.pid ? 'bench' : this.#nameOf(commandLineOf(pid)));
      if (name !== 'bench' || pid === process.pid) this.#names.set(pid, name);
      this.#seconds.set(name, (this.#seconds.get(name) ?? 0) + seconds - (this.#last.get(pid) ?? 0));
      this.#last.set(pid, seconds);
    }
  }
}

function sampleOf(pid: number): Sampled | undefined {
  try {
    // The name, in brackets, may hold spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return { pid, parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
  } catch {
    return undefined;
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function machineSeconds() {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!;
  const [user, nice, system, idle, waiting, irq, softIrq, stolen] = line.split(/\s+/).slice(1).map(Number) as number[];
  const busy = user! + nice! + system! + irq! + softIrq!;
  return {
    busy: busy / TICKS_PER_SECOND,
    idle: (idle! + waiting!) / TICKS_PER_SECOND,
    stolen: stolen! / TICKS_PER_SECOND,
  };
}

const round = (value: number): number => Math.round(100 * value) / 100;
