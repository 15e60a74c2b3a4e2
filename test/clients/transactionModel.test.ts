import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Stage, stageOf } from './exactlyOnceContract.ts';
import { type FaultContext, withClient } from './helpers/context.ts';
import { appendText } from './helpers/records.ts';

type Fault = Parameters<ReturnType<FaultContext['broker']>['faults']['inject']>[0];

type Operation =
  | { readonly do: 'append'; readonly count: number }
  | { readonly do: 'commit'; readonly isAwaited: boolean; readonly isStale: boolean }
  | { readonly do: 'flush' | 'discard' }
  | { readonly do: 'fault'; readonly fault: Fault };

const APIS = [
  'AddPartitionsToTxn',
  'Produce',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
  'InitProducerId',
] as const;

const fault: fc.Arbitrary<Fault> = fc
  .tuple(
    fc.constantFrom(...APIS),
    fc.constantFrom<Exclude<Fault['drop'], undefined> | number>('before', 'after', 16, 14, 51, 47, 48, 49),
    fc.nat(2),
  )
  .map(([api, what, skip]): Fault => {
    if (typeof what === 'string') return { api, drop: what, skip };
    // What says that the producer is another's is the end for InitProducerId, and belongs to another test.
    const errorCode = api === 'InitProducerId' && what > 46 && what < 51 ? 51 : what;
    return { api, errorCode: api === 'Produce' && what === 51 ? 6 : errorCode, skip };
  });

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      isAwaited: fc.boolean(),
      isStale: fc.nat(5).map((n) => n === 0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('flush' as const, 'discard' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fault' as const), fault }) },
);

/** What a transactional producer promises, in plain lists. */
class Model {
  readonly committed: string[] = [];
  pending: string[] = [];
  offset = -1;
  #next = 0;
  #commit: { readonly promise: Promise<void>; readonly records: readonly string[]; readonly offset: number } | null =
    null;
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  append(count: number): void {
    for (let i = 0; i < count; i++) {
      const value = String(this.#next++);
      appendText(this.#stage.producer, this.#stage.target, Number(value) % 2, value);
      this.pending.push(value);
    }
  }

  async commit(isStale: boolean): Promise<void> {
    await this.settle();
    const offset = this.#next;
    const member = this.#stage.member();
    const { groupId, memberId, instanceId } = member;
    const stale = { groupId, memberId, instanceId, generation: member.generation - 1 };
    const promise = this.#stage.producer.commitTransaction(this.#stage.at(offset), isStale ? stale : member);
    this.#commit = { promise, records: this.pending, offset };
    this.pending = [];
    promise.catch(() => {
      // Looked at when it is settled.
    });
  }

  /** Waits for the commit under way: either all of it counts, or all of it is pending again. */
  async settle(): Promise<void> {
    const commit = this.#commit;
    if (commit === null) return;
    this.#commit = null;
    try {
      await commit.promise;
      this.committed.push(...commit.records);
      this.offset = commit.offset;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ANM_GROUP_REBALANCED', String(error));
      this.pending = [...commit.records, ...this.pending];
    }
  }
}

describe('a transactional producer against its model', { timeout: 600_000 }, () => withClient('platformatic', define));

function define(context: FaultContext): void {
  test('whatever is asked and whatever fails: what is committed is visible, once and in order, and nothing else', async () => {
    const { faults } = context.broker();
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 25 }), async (operations) => {
        const stage = await stageOf(context);
        const model = new Model(stage);
        for (const each of operations) {
          if (each.do === 'append') model.append(each.count);
          else if (each.do === 'fault') faults.inject(each.fault);
          else if (each.do === 'commit') {
            await model.commit(each.isStale);
            if (each.isAwaited) await model.settle();
          } else if (each.do === 'flush') await stage.producer.flush();
          else {
            await model.settle();
            await stage.producer.discard();
            model.pending = [];
          }
        }
        await model.settle();
        faults.clear();
        await model.commit(false);
        await model.settle();
        const visible = await stage.visible();
        for (const parity of [0, 1]) {
          const of = (values: readonly string[]) => values.filter((value) => Number(value) % 2 === parity);
          assert.deepEqual(of(visible), of(model.committed));
        }
        assert.equal(await stage.committed(), model.offset);
        await stage.close();
      }),
      { numRuns: 25, endOnFailure: true, timeout: 300_000 },
    );
  });
}
