import type { ApiName, Request } from '../../../src/broker/protocol/apis.ts';

/** Where in its transaction a member is, by what the broker has seen of it. */
export const STEPS = [
  'before the first transaction',
  'before produce',
  'between produce and TxnOffsetCommit',
  'between TxnOffsetCommit and EndTxn',
  'during EndTxn',
] as const;
export type Step = (typeof STEPS)[number];

/** What else may be under way. */
export const BESIDES = ['start', 'restore', 'upload', 'rebalance'] as const;
export type Beside = (typeof BESIDES)[number];

/** Follows the transactions of each transactional id. */
export class TransactionSteps {
  readonly #steps = new Map<string, Step>();

  forget(): void {
    this.#steps.clear();
  }

  /** Of the member that is not `other`; at most these two are alive. */
  of(other: string): Step {
    const [found] = [...this.#steps].filter(([id]) => id !== other).slice(-1);
    return found?.[1] ?? STEPS[0];
  }

  /** True where the request is a step of a transaction of another id than `other`. */
  received(api: ApiName, request: Request<ApiName>, other: string): boolean {
    const id = (request as { transactionalId?: string | null }).transactionalId;
    if (typeof id !== 'string' || api === 'InitProducerId') return false;
    const step = stepOf(api);
    if (step === undefined) return false;
    // Produce of the next transaction does not wait for the end of this one, but is not sent before it either.
    this.#steps.set(id, step);
    return id !== other;
  }

  answered(api: ApiName, request: Request<ApiName>): void {
    const id = (request as { transactionalId?: string | null }).transactionalId;
    if (api === 'EndTxn' && typeof id === 'string' && this.#steps.has(id)) this.#steps.set(id, 'before produce');
  }
}

function stepOf(api: ApiName): Step | undefined {
  switch (api) {
    case 'AddPartitionsToTxn':
      return 'before produce';
    case 'Produce':
    case 'AddOffsetsToTxn':
      return 'between produce and TxnOffsetCommit';
    case 'TxnOffsetCommit':
      return 'between TxnOffsetCommit and EndTxn';
    case 'EndTxn':
      return 'during EndTxn';
    default:
      return undefined;
  }
}
