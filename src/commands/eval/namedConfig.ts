import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import type { Role } from '../../eval/report.ts';

/** A pipeline to evaluate, and what the tables call it. */
export interface NamedConfig {
  readonly name: string;
  readonly config: PipelineConfig;
  readonly role?: Role;
}
