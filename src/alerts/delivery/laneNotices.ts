import type { Health } from './pause.ts';

/** Tells people of what a log is for: a sink that fails and comes back, and what was not told for good. */
export type Say = (level: 'info' | 'warn', text: string) => void;

/** Says each turn of a sink once, however many requests it takes. */
export class LaneNotices {
  readonly #name: string;
  readonly #say: Say;
  #wasOpen = false;
  #isFailing = false;

  constructor(name: string, say: Say) {
    this.#name = name;
    this.#say = say;
  }

  succeeded(): void {
    if (this.#isFailing) this.#say('info', `alert sink ${this.#name} takes notifications again`);
    this.#isFailing = false;
    this.#wasOpen = false;
  }

  failed({ circuit, failures }: Health, problem: string, waiting: number): void {
    if (!this.#isFailing) this.#say('warn', `alert sink ${this.#name}: ${problem}; it is asked again`);
    this.#isFailing = true;
    if (circuit === 'closed' || this.#wasOpen) return;
    this.#wasOpen = true;
    const incidents = `${waiting} ${waiting === 1 ? 'incident waits' : 'incidents wait'}`;
    this.#say('warn', `alert sink ${this.#name} failed ${failures} times in a row, and ${incidents}: ${problem}`);
  }

  refused(incidentId: string, problem: string): void {
    this.#say('warn', `alert sink ${this.#name} refused incident ${incidentId}, which is not sent again: ${problem}`);
  }

  tooOld(incidents: number): void {
    const what = incidents === 1 ? '1 incident' : `${incidents} incidents`;
    this.#say('warn', `alert sink ${this.#name} was not told of ${what}, as the evidence is older than alerts.max_age`);
  }

  merged(incidents: number): void {
    this.#say('info', `alert sink ${this.#name} is told of ${incidents} incidents at once, above alerts.rate_limit`);
  }
}
