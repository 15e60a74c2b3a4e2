import { isAnomalyError } from '../../errors.ts';
import type { Doctor } from './doctor.ts';

export type CheckStatus = 'ok' | 'warn' | 'fail' | 'skip';

/** One row of the report. */
export interface Finding {
  readonly check: string;
  readonly status: CheckStatus;
  /** What was seen; of a row that was skipped, why. */
  readonly detail: string;
  /** What to do; null where nothing is to be done. */
  readonly fix: string | null;
}

/** A row without the name of its check. */
export type Seen = Omit<Finding, 'check'>;

/** One thing that `doctor` looks at. */
export interface Check {
  readonly name: string;
  /** For docs/doctor.md: what is looked at, and when it warns or fails. */
  readonly looksAt: string;
  readonly warns: string;
  readonly fails: string;
  /** Checks that must not have failed or been skipped: without them this one cannot be asked. */
  readonly needs: readonly string[];
  /** Needs a pipeline: without one it is left out, not skipped. */
  readonly ofPipeline: boolean;
  /** In place of --deadline where that is shorter: a model takes its time to load. */
  readonly leastDeadlineMs?: number;
  run(doctor: Doctor): Promise<readonly Seen[]>;
}

export function ok(detail: string): Seen {
  return { status: 'ok', detail, fix: null };
}

export function warn(detail: string, fix: string): Seen {
  return { status: 'warn', detail, fix };
}

export function fail(detail: string, fix: string): Seen {
  return { status: 'fail', detail, fix };
}

export function skip(detail: string): Seen {
  return { status: 'skip', detail, fix: null };
}

/** A failure as a row. */
export function failed(error: unknown): Seen {
  const detail = error instanceof Error ? error.message : String(error);
  return fail(detail, isAnomalyError(error) ? error.hint : 'run again with --debug');
}
