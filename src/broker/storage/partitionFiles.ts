import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AnomalyError } from '../../errors.ts';
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
import { FileBytes, type FileServices } from './fileBytes.ts';
import { LogReplay } from './logReplay.ts';
import { type ScannedSegment, scanSegment } from './scanSegment.ts';
import { clearState, readState, writeState } from './stateFiles.ts';
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

  recover(state: LogState): Recovered {
    const { logStartOffset, fences } = this.options;
    this.hasDirectory = existsSync(this.directory);
    if (this.hasDirectory) this.finishRewrites();
    const bases = this.hasDirectory ? this.names(LOG).map((name) => Number(name.slice(0, -LOG.length))) : [];
    const from = readState(this.directory, state);
    const replay = new LogReplay(state, from, fences);
    const segments = bases.map((base, i) => this.recoverSegment(base, i === bases.length - 1, from, replay));
    const active = segments.at(-1);
    if (active === undefined) return { segments, logStartOffset };
    (active.bytes as FileBytes).openToAppend();
    active.nextOffset = Math.max(active.nextOffset, replay.finish());
    if (from > active.nextOffset) this.retell(segments, state);
    return { segments, logStartOffset: Math.max(logStartOffset, segments[0]!.baseOffset) };
  }

  create(baseOffset: number): SegmentBytes {
    if (!this.hasDirectory) {
      mkdirSync(this.directory, { recursive: true });
      this.hasDirectory = true;
    }
    const bytes = new FileBytes(this.path(baseOffset, LOG), 0, this.options.services);
    bytes.openToAppend();
    this.syncNames();
    return bytes;
  }

  seal(segment: Segment, state: LogState): void {
    segment.bytes.seal();
    segment.index.trim();
    // An index is trusted, so it must not outlive bytes that were never synced.
    if (this.options.services.flusher.policy !== 'never') this.writeIndex(segment);
    writeState(this.directory, segment.nextOffset, state);
  }

  rewrite(group: readonly Segment[], batches: Iterable<KeptBatch>, cleanedMs: number): Segment {
    const [first] = group;
    const nextOffset = group[group.length - 1]!.nextOffset;
    const aside = this.path(first!.baseOffset, CLEANED);
    const bytes = new FileBytes(aside, 0, this.options.services);
    bytes.openToAppend();
    const segment = rewritten(group, bytes, cleanedMs);
    for (const batch of batches) put(segment, batch);
    finish(segment, group);
    bytes.seal();
    const swap = join(this.directory, `${digits(first!.baseOffset)}-${digits(nextOffset)}${SWAP}`);
    // From here on a crash is finished by the next start.
    renameSync(aside, swap);
    this.syncNames();
    for (const old of group) this.drop(old);
    const path = this.path(first!.baseOffset, LOG);
    renameSync(swap, path);
    const placed = new Segment(segment.baseOffset, new FileBytes(path, bytes.length, this.options.services), {
      createdMs: segment.createdMs,
      cleanedMs,
      index: segment.index,
      nextOffset,
    });
    this.writeIndex(placed);
    this.syncNames();
    return placed;
  }

  drop(segment: Segment): void {
    segment.bytes.remove();
    rmSync(this.path(segment.baseOffset, INDEX), { force: true });
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
    active.bytes.seal();
    writeState(this.directory, active.nextOffset, state);
    for (const segment of segments) {
      if (segment === active || !existsSync(this.path(segment.baseOffset, INDEX))) this.writeIndex(segment);
      segment.bytes.close();
    }
  }

  remove(segments: readonly Segment[]): void {
    for (const segment of segments) segment.bytes.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private recoverSegment(base: number, isLast: boolean, replayFrom: number, replay: LogReplay): Segment {
    const path = this.path(base, LOG);
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
      if (!isLast) throw corrupt(path, found);
      this.options.onCut(cutMessage(path, base, found));
    }
    const bytes = new FileBytes(path, found.validBytes, services);
    const segment = new Segment(base, bytes, { createdMs: nowMs, index: found.index });
    if (!isLast) this.writeIndex(segment);
    return segment;
  }

  /** A power cut took batches that the kept state knows of: without them they may be sent again. */
  private retell(segments: readonly Segment[], state: LogState): void {
    clearState(state);
    const replay = new LogReplay(state, 0, this.options.fences);
    for (const segment of segments) replayRows(segment, replay);
    replay.finish();
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
    const path = this.path(baseOffset, INDEX);
    writeFileSync(`${path}.new`, index.encode({ segmentBytes: bytes.length, nextOffset, cleanedMs }));
    renameSync(`${path}.new`, path);
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

function cutMessage(path: string, base: number, { index, validBytes, fileBytes, problem }: ScannedSegment): string {
  const next = index.count === 0 ? base : index.nextOffsetOf(index.count - 1);
  return `cut ${fileBytes - validBytes} bytes off ${path} behind offset ${next - 1}, its last whole batch: ${problem}`;
}

function corrupt(path: string, { validBytes, problem }: ScannedSegment): AnomalyError {
  return new AnomalyError(
    'ANM_DATA_CORRUPT',
    `cannot start from ${path} as ${problem} at byte ${validBytes}, and newer segments follow`,
    {
      details: { path, position: validBytes },
      hint: `move the partition's folder away to go on without it: ${basename(join(path, '..'))}`,
    },
  );
}
