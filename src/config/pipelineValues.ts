import type { PipelineConfig } from './pipelineConfig.ts';

/** What pipelineOf reads: values by key, with defaults applied. */
export interface PipelineValues {
  get(key: string): unknown;
  /** Where the value came from, for messages. */
  place(key: string): string;
  /** What the files of `calendars` hold. */
  readonly calendars?: PipelineConfig['calendars'];
  /** Whether anything but the table's default asks for scoring. */
  readonly scoring: boolean;
}
