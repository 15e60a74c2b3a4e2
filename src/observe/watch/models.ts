import { type Histogram, HistogramBuilder, histogramQuantileMs } from '../histogram.ts';
import type { MemberStatus, ModelStatus } from '../status.ts';
import type { ModelView } from './snapshot.ts';

type Asked = Pick<ModelStatus, 'name' | 'version' | 'asked' | 'scored' | 'fallbacks' | 'latencyMs'>;

/** The models that the members of a pipeline ask, each by its role, summed over the members. */
export function modelsOf(pipeline: string, members: readonly MemberStatus[]): ModelView[] {
  const found = new Map<string, { role: ModelView['role']; all: Asked[]; notes: string[] }>();
  const add = (role: ModelView['role'], asked: Asked, notes: readonly string[]): void => {
    const key = `${role}/${asked.name}/${asked.version ?? ''}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { role, all: [asked], notes: [...notes] });
    else {
      known.all.push(asked);
      known.notes.push(...notes);
    }
  };
  for (const { model } of members) {
    if (model === null) continue;
    const { standIn, shadow, canary, rollbacks } = model;
    add('live', model, rollbacks > 0 ? [`${rollbacks} taken out again`] : []);
    if (standIn != null) add('stand-in', standIn, []);
    if (shadow !== null) add('shadow', shadow, shadowNotes(shadow));
    if (canary !== null) add('canary', canary, [`${Math.round(100 * canary.share)} % of the series`]);
  }
  return [...found.values()].map(({ role, all, notes }) => viewOf(pipeline, role, all, notes));
}

function viewOf(pipeline: string, role: ModelView['role'], all: readonly Asked[], notes: readonly string[]): ModelView {
  const { name, version } = all[0]!;
  const asked = all.reduce((sum, each) => sum + each.asked, 0);
  const scored = all.reduce((sum, each) => sum + each.scored, 0);
  const note = [...new Set([...notes, ...missedNotes(all)])].join(', ');
  return {
    ...{ pipeline, name, version, role, asked },
    availability: asked === 0 ? null : scored / asked,
    p99Ms: histogramQuantileMs(merged(all.map(({ latencyMs }) => latencyMs)), 0.99),
    note: note === '' ? null : note,
  };
}

function merged(all: readonly Histogram[]): Histogram {
  const builder = new HistogramBuilder(all[0]!.boundsMs);
  for (const each of all) builder.merge(each);
  return builder.plain();
}

/** Why values have no score of the model, the most frequent reason first. */
function missedNotes(all: readonly Asked[]): string[] {
  const counts = new Map<string, number>();
  for (const { fallbacks } of all) {
    for (const [reason, count] of Object.entries(fallbacks)) counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count} ${reason}`);
}

function shadowNotes({ compared, disagreed, skipped }: NonNullable<ModelStatus['shadow']>): string[] {
  const notes = compared > 0 ? [`disagrees in ${disagreed} of ${compared}`] : [];
  return skipped > 0 ? [...notes, `${skipped} skipped`] : notes;
}
