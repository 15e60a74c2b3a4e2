import { type IncidentCase, isOpen } from './incidentCase.ts';

/** Which incidents go by a common id at a sink. One that was resolved there is none of them any more. */
export class SummaryMembers {
  readonly #cases: ReadonlyMap<string, IncidentCase>;
  readonly #ids = new Map<string, Set<string>>();

  constructor(cases: ReadonlyMap<string, IncidentCase>) {
    this.#cases = cases;
  }

  add({ id, state }: IncidentCase): void {
    if (state === null || state.summary === null || state.told === 'resolved') return;
    const ids = this.#ids.get(state.summary);
    if (ids === undefined) this.#ids.set(state.summary, new Set([id]));
    else ids.add(id);
  }

  remove({ id, state }: IncidentCase): void {
    if (state === null || state.summary === null) return;
    const ids = this.#ids.get(state.summary);
    ids?.delete(id);
    if (ids?.size === 0) this.#ids.delete(state.summary);
  }

  of(summary: string): readonly IncidentCase[] {
    return [...(this.#ids.get(summary) ?? [])].map((id) => this.#cases.get(id)!);
  }

  /** Whether another one than this is open there and goes on. */
  hasOtherOpen(summary: string, id: string): boolean {
    return this.of(summary).some((each) => each.id !== id && isOpen(each.state) && each.newest?.status !== 'resolved');
  }
}
