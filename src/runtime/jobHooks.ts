import type { Contact } from '../clients/contact.ts';
import type { SeriesGroups } from '../observe/seriesGroups.ts';
import type { ControlQueue } from './control/controlQueue.ts';
import type { JobReading } from './input/jobReading.ts';
import type { CrashMemory } from './poison/crashMemory.ts';

/** What a member has for each run of its job: it outlives them. */
export interface JobHooks {
  /** The run has begun, and can be looked at until it ends. */
  watch(look: () => JobReading): void;
  /** For the run's clients. */
  readonly contact: Contact;
  readonly control: ControlQueue;
  readonly crashes: CrashMemory;
  /** Counts the alerts of each group of series. */
  readonly seriesGroups: SeriesGroups;
  /** Ends the member, as a signal does: drained and committed. */
  stop(): void;
}
