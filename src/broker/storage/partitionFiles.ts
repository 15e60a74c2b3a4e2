import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isAnomalyError } from '../../errors.ts';
import { BatchHeader, readBatchHeader } from '../../wire/batchHeader.ts';
import { BatchIndex, type IndexFacts } from '../log/batchIndex.ts';
import { Segment } from '../log/segment.ts';
import type { SegmentBytes } from '../log/segmentBytes.ts';
import {
  type Fence,
  finish,
  type KeptBatch,
  type LogState,
  put,
  type Recovered,
  rewritten,
  type SegmentStore,
} from '../log/segmentStore.ts';
import { corrupt, cutSegment, isDamagedWithin, putAside } from './damagedSegment.ts';
import { FileBytes, type FileServices } from './fileBytes.ts';
import { LogReplay } from './logReplay.ts';
import { attempt, type OnProblem, onDisk, refused } from './refused.ts';
import { replaceFile } from './replaceFile.ts';
import { scanSegment } from './scanSegment.ts';
import { clearState, readState, removeStates, writeState } from './stateFiles.ts';
import { syncDirectory } from './syncDirectory.ts';

const LOG = '.log';
const INDEX = '.index';
/** A segment being written anew; and one that is whole, whose originals may be gone already. */
const CLEANED = '.cleaned';
const SWAP = '.swap';

export interface PartitionFilesOptions {
  readonly directory: string;
  readonly services: FileServices;
  /** The last life ended in order: index files can be trusted, nothing is torn. */
  readonly wasClosed: boolean;
  /** The last life synced nothing: a power cut may have taken the end of any segment. */
  readonly wasUnsynced: boolean;
  readonly nowMs: number;
  /** Where DeleteRecords left the log start; 0 if nowhere. */
  readonly logStartOffset: number;
  readonly onStartMoved: (offset: number) => void;
  /** Of transactions that may be open. */
  readonly fences: readonly Fence[];
  readonly onFenced: (fence: Fence) => void;
  readonly onUnfenced: (producerId: number) => void;
  /** Told of a torn tail that was cut. */
  readonly onCut: (message: string) => void;
  readonly onProblem: OnProblem;
}

/**
 * The segments of one partition as files, named by the 20 digits of their first offset: NAME.log holds the batches as
 * Kafka has them, NAME.index their rows, NAME.state producers and transactions as they were when it began.
 */
export class PartitionFiles implements SegmentStore {
  private readonly options: PartitionFilesOptions;
  private readonly directory: string;
  private hasDirectory = false;

  constructor(options: PartitionFilesOptions) {
    this.options = options;
    this.directory = options.directory;
  }

  /** @throws StorageError, AnomalyError ANM_DATA_CORRUPT */
  recover(state: LogState): Recovered {
    try {
      return this.load(state);
    } catch (error) {
      throw isAnomalyError(error) ? error : refused('read', this.directory, error);
    }
  }

  private load(state: LogState): Recovered {
    const { logStartOffset, fences } = this.options;
    this.hasDirectory = existsSync(this.directory);
    if (this.hasDirectory) this.finishRewrites();
    const bases = this.hasDirectory ? this.names(LOG).map((name) => Number(name.slice(0, -LOG.length))) : [];
    const from = readState(this.directory, state);
    const replay = new LogReplay(state, from, fences);
    const segments: Segment[] = [];
    while (bases.length > 0) segments.push(this.recoverSegment(bases.shift()!, bases, from, replay));
    const active = segments.at(-1);
    if (active === undefined) return { segments, logStartOffset };
    replay.finish();
    active.nextOffset = Math.max(active.nextOffset, replay.endOffset, logStartOffset);
    if (from > active.nextOffset) this.retell(segments, state);
    return { segments, logStartOffset: Math.max(logStartOffset, segments[0]!.baseOffset) };
  }

  create(baseOffset: number): SegmentBytes {
    if (!this.hasDirectory) onDisk('make', this.directory, () => this.makeDirectory());
    this.hasDirectory = true;
    const path = this.path(baseOffset, LOG);
    const bytes = new FileBytes(path, 0, this.options.services);
    bytes.openToAppend();
    try {
      this.syncNames();
    } catch (error) {
      bytes.remove();
      throw refused('make', path, error);
    }
    return bytes;
  }

  /** The log goes on behind it whatever fails here: without index and state the next start reads the batches. */
  seal(segment: Segment, state: LogState): void {
    segment.index.trim();
    const isSynced = this.attempt('sync a segment', segment.baseOffset, () => segment.bytes.seal());
    // An index is trusted, so it must not outlive bytes that were never synced.
    if (isSynced && this.options.services.flusher.policy !== 'never') this.keepIndex(segment);
    this.keepState(segment.nextOffset, state);
  }

  rewrite(group: readonly Segment[], batches: Iterable<KeptBatch>, cleanedMs: number): Segment {
    const [first] = group;
    const nextOffset = group[group.length - 1]!.nextOffset;
    const aside = this.path(first!.baseOffset, CLEANED);
    const bytes = new FileBytes(aside, 0, this.options.services);
    const segment = rewritten(group, bytes, cleanedMs);
    const swap = join(this.directory, `${digits(first!.baseOffset)}-${digits(nextOffset)}${SWAP}`);
    try {
      bytes.openToAppend();
      for (const batch of batches) put(segment, batch);
      finish(segment, group);
      bytes.seal();
      renameSync(aside, swap);
      this.syncNames();
    } catch (error) {
      // The originals stay: nothing may be left that the next start would put into their place.
      bytes.close();
      for (const path of [aside, swap]) rmSync(path, { force: true });
      throw refused('write', aside, error);
    }
    // From here on a crash is finished by the next start.
    const path = this.path(first!.baseOffset, LOG);
    onDisk('replace', path, () => {
      for (const old of group) this.removeFiles(old);
      renameSync(swap, path);
    });
    const placed = new Segment(segment.baseOffset, new FileBytes(path, bytes.length, this.options.services), {
      createdMs: segment.createdMs,
      cleanedMs,
      index: segment.index,
      nextOffset,
    });
    this.keepIndex(placed);
    this.attempt('sync the names of segments', first!.baseOffset, () => this.syncNames());
    return placed;
  }

  /** One that cannot be removed lies before the log's start, and goes with the next that is dropped after a restart. */
  drop(segment: Segment): void {
    this.attempt('remove a segment', segment.baseOffset, () => this.removeFiles(segment));
  }

  fenced(fence: Fence): void {
    this.options.onFenced(fence);
  }

  unfenced(producerId: number): void {
    this.options.onUnfenced(producerId);
  }

  startMoved(offset: number): void {
    this.options.onStartMoved(offset);
  }

  close(segments: readonly Segment[], state: LogState): void {
    const active = segments.at(-1);
    if (active === undefined) return;
    for (const segment of segments) {
      const isSynced = this.attempt('sync a segment', segment.baseOffset, () => segment.bytes.seal());
      this.attempt('close a segment', segment.baseOffset, () => segment.bytes.close());
      const isDue = segment === active || !existsSync(this.path(segment.baseOffset, INDEX));
      if (isSynced && isDue) this.keepIndex(segment);
    }
    this.keepState(active.nextOffset, state);
  }

  /** What cannot be removed goes with the topic's folder, at the next start at the latest. */
  remove(segments: readonly Segment[]): void {
    const { onProblem } = this.options;
    attempt('remove a partition', this.directory, onProblem, () => {
      for (const segment of segments) segment.bytes.close();
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  /** `later` are the first offsets of the segments behind it; it is emptied where they are put aside. */
  private recoverSegment(base: number, later: number[], replayFrom: number, replay: LogReplay): Segment {
    const path = this.path(base, LOG);
    const isLast = later.length === 0;
    const known = isLast && !this.options.wasClosed ? null : this.readIndex(base);
    const { services, nowMs } = this.options;
    if (known !== null) {
      const { index, facts } = known;
      const { cleanedMs, nextOffset, segmentBytes } = facts;
      const bytes = new FileBytes(path, segmentBytes, services);
      const segment = new Segment(base, bytes, { createdMs: nowMs, index, nextOffset, cleanedMs });
      if (nextOffset > replayFrom) replayRows(segment, replay);
      return segment;
    }
    const found = scanSegment(path, base, (header, bytes) => replay.next(header, bytes));
    if (found.problem !== null) {
      const isTorn = isLast || (this.options.wasUnsynced && !isDamagedWithin(path, base, found));
      if (!isTorn) throw corrupt(path, found);
      // First what follows: a start that ends between the two finds the damage again.
      const aside = putAside(later.map((offset) => this.path(offset, LOG)));
      const message = cutSegment(path, base, found);
      this.options.onCut(aside.length === 0 ? message : `${message}; what followed is in ${aside.join(', ')}`);
      later.length = 0;
    }
    const bytes = new FileBytes(path, found.validBytes, services);
    const segment = new Segment(base, bytes, { createdMs: nowMs, index: found.index });
    if (!isLast) this.keepIndex(segment);
    return segment;
  }

  /** A power cut took batches that the kept state knows of: without them they may be sent again. */
  private retell(segments: readonly Segment[], state: LogState): void {
    clearState(state);
    const replay = new LogReplay(state, 0, this.options.fences);
    for (const segment of segments) replayRows(segment, replay);
    replay.finish();
    removeStates(this.directory);
  }

  /** A crash in the middle of a compaction: what was not whole yet goes, what was takes its place. */
  private finishRewrites(): void {
    for (const name of this.names(CLEANED)) rmSync(join(this.directory, name));
    for (const name of this.names(SWAP)) {
      const [from, to] = name.slice(0, -SWAP.length).split('-').map(Number) as [number, number];
      for (const old of this.names(LOG)) {
        const base = Number(old.slice(0, -LOG.length));
        if (base < from || base >= to) continue;
        rmSync(join(this.directory, old));
        rmSync(this.path(base, INDEX), { force: true });
      }
      renameSync(join(this.directory, name), this.path(from, LOG));
    }
  }

  private readIndex(base: number): { readonly index: BatchIndex; readonly facts: IndexFacts } | null {
    const path = this.path(base, INDEX);
    if (!existsSync(path)) return null;
    const found = BatchIndex.decode(readFileSync(path));
    if (found === null || statSync(this.path(base, LOG)).size !== found.facts.segmentBytes) return null;
    return found;
  }

  private writeIndex({ baseOffset, index, bytes, nextOffset, cleanedMs }: Segment): void {
    replaceFile(this.path(baseOffset, INDEX), index.encode({ segmentBytes: bytes.length, nextOffset, cleanedMs }));
  }

  private keepIndex(segment: Segment): void {
    this.attempt('write the index of a segment', segment.baseOffset, () => this.writeIndex(segment));
  }

  private keepState(offset: number, state: LogState): void {
    this.attempt('write the state of producers', offset, () => writeState(this.directory, offset, state));
  }

  private removeFiles(segment: Segment): void {
    segment.bytes.remove();
    rmSync(this.path(segment.baseOffset, INDEX), { force: true });
  }

  /** What can wait, or be told from the batches again: said, and the request goes on. */
  private attempt(what: string, offset: number, action: () => void): boolean {
    return attempt(what, this.path(offset, LOG), this.options.onProblem, action);
  }

  /** Its name, and its topic's, have to be there after a power cut too. */
  private makeDirectory(): void {
    const topic = dirname(this.directory);
    const isNewTopic = !existsSync(topic);
    mkdirSync(this.directory, { recursive: true });
    if (this.options.services.flusher.policy === 'never') return;
    syncDirectory(topic);
    if (isNewTopic) syncDirectory(dirname(topic));
  }

  private names(extension: string): string[] {
    return readdirSync(this.directory)
      .filter((name) => name.endsWith(extension))
      .sort();
  }

  private path(baseOffset: number, extension: string): string {
    return join(this.directory, `${digits(baseOffset)}${extension}`);
  }

  private syncNames(): void {
    if (this.options.services.flusher.policy !== 'never') syncDirectory(this.directory);
  }
}

/** 20 digits, so that names sort as offsets do. */
function digits(offset: number): string {
  return String(offset).padStart(20, '0');
}

function replayRows(segment: Segment, replay: LogReplay): void {
  const header = new BatchHeader();
  for (let row = 0; row < segment.batchCount; row++) {
    const batch = segment.batchAt(row);
    readBatchHeader(batch, 0, header);
    replay.next(header, batch);
  }
}
