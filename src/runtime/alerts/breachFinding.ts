import type { Severity } from '../../observe/notification.ts';

/** What is wrong now, or was right for certain. */
export interface BreachFinding {
  readonly rule: 'latency' | 'inference' | 'checkpoint' | 'lag' | 'member';
  /** The member, where one is meant; else empty. */
  readonly series: string;
  readonly isBad: boolean;
  readonly severity: Severity;
  readonly text: string;
  /** What is behind it, most telling first. */
  readonly reasons: readonly string[];
  readonly value: number | null;
  readonly limit: number | null;
}
