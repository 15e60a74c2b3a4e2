import type { ToWorker } from './messages.ts';

/** A worker thread or process, from its start to its end. */
export interface WorkerHandle<Plan> {
  send(message: ToWorker<Plan>): void;
  /** Resolves when it has ended, with what is known of why. */
  readonly ended: Promise<string>;
}
