import type { Members } from '../../runtime/members.ts';

/** What a run tells of itself to whoever shows it. */
export interface RunView {
  /** Its members can be asked from here on. */
  began(members: Pick<Members, 'statuses'>): void;
  /** It is over: the terminal is wanted for the summary. */
  over(): Promise<void>;
}

export const NO_VIEW: RunView = { began: () => {}, over: () => Promise.resolve() };
