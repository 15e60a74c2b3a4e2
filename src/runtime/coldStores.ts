import type { TopicPartition } from '../clients/topicPartition.ts';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import type { ColdStore } from '../engine/coldStore.ts';
import type { LmdbOpener, LmdbStore } from '../stores/lmdbStore.ts';
import { partitionName } from './topics/partitionName.ts';

/** The part of a partition's state that is not in memory, by state.backend. */
export class ColdStores {
  readonly #open: LmdbOpener | undefined;
  readonly #directory: string;
  readonly #hotSeries: number;
  readonly #stores = new Map<string, LmdbStore>();
  /** Of partitions that were given away, and still read. */
  readonly #leaving = new Set<LmdbStore>();

  private constructor(open: LmdbOpener | undefined, directory: string, hotSeries: number) {
    this.#open = open;
    this.#directory = directory;
    this.#hotSeries = hotSeries;
  }

  /**
   * @param directory for the files of this process
   * @throws ANM_UNSUPPORTED where the package lmdb cannot be loaded
   */
  static async of({ state }: PipelineConfig, directory: string): Promise<ColdStores> {
    if (state.backend === 'memory') return new ColdStores(undefined, directory, 0);
    const { LmdbStore } = await import('../stores/lmdbStore.ts');
    return new ColdStores(await LmdbStore.load(), directory, state.hotSeries);
  }

  /** An empty store for a partition, in place of the one that it had; undefined where all state is in memory. */
  open(topic: string, partition: number): { readonly store: ColdStore; readonly hotSeries: number } | undefined {
    if (this.#open === undefined) return undefined;
    const name = partitionName({ topic, partition });
    void this.#stores.get(name)?.close();
    const store = this.#open(this.#directory, `${topic}-${partition}`);
    this.#stores.set(name, store);
    return { store, hotSeries: this.#hotSeries };
  }

  /**
   * Closes the store that a partition has now: the group gave it to another.
   *
   * @param unused resolves when nothing reads it any more, as a snapshot that is being taken does
   */
  async drop(place: TopicPartition, unused: Promise<void>): Promise<void> {
    const name = partitionName(place);
    const store = this.#stores.get(name);
    if (store === undefined) return;
    // Where the partition comes back meanwhile, it begins with a store of its own.
    this.#stores.delete(name);
    this.#leaving.add(store);
    await unused;
    this.#leaving.delete(store);
    await store.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#stores.values(), ...this.#leaving].map((store) => store.close()));
    this.#stores.clear();
    this.#leaving.clear();
  }
}
