import { AnomalyError } from '../../errors.ts';
import type { ModelScorer } from '../../models/modelScorer.ts';
import type { ModelSpec } from '../../models/modelSpec.ts';

/**
 * Opens a model that is to take the place of another.
 *
 * @param spec of the other: what the windows are made of
 * @throws ANM_MODEL_*, ANM_CONTROL where it reads other windows, or there is none to put in another's place
 */
export async function requireFit(
  uri: string,
  open: ((uri: string) => Promise<ModelScorer>) | undefined,
  spec: ModelSpec,
): Promise<ModelScorer> {
  if (open === undefined) throw new AnomalyError('ANM_CONTROL', `cannot ask ${uri} as this run opens no other model`);
  const scorer = await open(uri);
  try {
    requireSameWindows(scorer, { spec });
    return scorer;
  } catch (error) {
    await scorer.close();
    throw error;
  }
}

/** @throws ANM_CONTROL */
export function requireSameWindows(
  other: Pick<ModelScorer, 'identity' | 'spec'>,
  { spec }: Pick<ModelScorer, 'spec'>,
): void {
  const [read, wanted] = [other.spec, spec].map(({ length, channels, scaling }) =>
    JSON.stringify({ length, fields: channels, scaling }),
  );
  if (read === wanted) return;
  const { name } = other.identity;
  throw new AnomalyError(
    'ANM_CONTROL',
    `cannot ask ${name} as it reads ${read}, and the pipeline's windows are ${wanted}`,
    {
      hint: 'change score.model in anomaly.yaml and start the pipeline anew, with --allow model',
    },
  );
}
