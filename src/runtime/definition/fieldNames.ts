import type { PipelineConfig } from '../../config/pipelineConfig.ts';

/** Names of the fields that are computed on: those of the values, then the derived ones. */
export function fieldNames({ source, derive }: Pick<PipelineConfig, 'source' | 'derive'>): string[] {
  return [...Object.keys(source.fields), ...Object.keys(derive)];
}
