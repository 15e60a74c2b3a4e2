import { groupName } from '../engine/watches/groupName.ts';

/** Alerts of the series of one group. */
export interface GroupAlerts {
  readonly group: string;
  readonly alerts: number;
}

/** All series beyond the bound. */
export const OTHER_GROUP = 'other';

/**
 * Counts alerts by group of series, in a bounded number of groups: a label of /metrics must not grow with what producers
 * name their series. The groups that alert first have names, all later ones are counted as one. Once an alert, never a record.
 */
export class SeriesGroups {
  readonly #groupBy: string;
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  /**
   * @param groupBy the sign before whose last place in a key its group stands; `*`: one group; empty: each series is one.
   *   A key without the sign is a group of its own.
   * @param most groups with names
   */
  constructor({ groupBy, maxGroups }: { readonly groupBy: string; readonly maxGroups: number }) {
    this.#groupBy = groupBy;
    this.#most = maxGroups;
  }

  add(series: string): void {
    const name = (this.#groupBy === '' ? series : (groupName(series, this.#groupBy) ?? series)).slice(0, LONGEST_NAME);
    const isNamed = this.#counts.has(name) || this.#counts.size - (this.#counts.has(OTHER_GROUP) ? 1 : 0) < this.#most;
    const group = isNamed ? name : OTHER_GROUP;
    this.#counts.set(group, (this.#counts.get(group) ?? 0) + 1);
  }

  plain(): GroupAlerts[] {
    return [...this.#counts].map(([group, alerts]) => ({ group, alerts }));
  }
}

/** A key may be a megabyte. */
const LONGEST_NAME = 100;
