import {
  encodeFetchRequest,
  FetchedPartition,
  type FetchLimits,
  type FetchTopic,
  readFetchResponse,
} from '../../wire/fetch.ts';
import type { AssignedPartition } from './assignedPartition.ts';
import type { BrokerSocket } from './brokerSocket.ts';

/** The batches of one partition within a fetched frame. */
export interface FetchedSlice {
  readonly partition: AssignedPartition;
  /** The partition's epoch when it was asked: a seek since then makes the slice worthless. */
  readonly epoch: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** Producer ids and first offsets of aborted transactions, in pairs. */
  readonly aborted: readonly number[];
  /** The record batches in the frame, [start, end); the last may be cut. */
  readonly start: number;
  readonly end: number;
  /** Set once the partition's reader walks it. */
  isOpen: boolean;
}

/** One fetch response, in a buffer that belongs to it until it is released. */
export interface FetchedResponse {
  readonly bytes: Uint8Array;
  readonly slices: FetchedSlice[];
  /** When it was asked for, ms of the monotonic clock. */
  readonly askedMs: number;
  /** When its last byte came, ms of the monotonic clock. */
  readonly arrivedMs: number;
  /** The slice being read. */
  index: number;
  /** No partition had a record batch. */
  readonly isEmpty: boolean;
}

/** What was asked of one topic, to find the partition of an answer. */
interface AskedTopic extends FetchTopic {
  readonly assigned: AssignedPartition[];
  readonly epochs: number[];
  readonly partitions: number[];
  readonly offsets: number[];
  readonly maxBytes: number[];
}

/**
 * One broker's fetches: at most one in flight or arrived, and one being read. So the wire and the processing overlap,
 * and memory stays at two buffers of the size of the largest response.
 */
export class BrokerFetcher {
  readonly nodeId: number;
  socket: BrokerSocket | null = null;
  isConnecting = false;
  isInFlight = false;
  current: FetchedResponse | null = null;
  arrived: FetchedResponse | null = null;
  #spare: Uint8Array | null = null;
  #turn = 0;
  readonly #limits: FetchLimits;
  readonly #clientId: string;
  readonly #timeoutMs: number;
  readonly #fetched = new FetchedPartition();

  readonly #partitionBytes: number;

  constructor(nodeId: number, limits: FetchLimits, partitionBytes: number, clientId: string, requestTimeoutMs: number) {
    this.#partitionBytes = partitionBytes;
    this.nodeId = nodeId;
    this.#limits = limits;
    this.#clientId = clientId;
    this.#timeoutMs = limits.maxWaitMs + requestTimeoutMs;
  }

  get canFetch(): boolean {
    return !this.isInFlight && this.arrived === null;
  }

  /** Asks for the partitions from their fetch offsets. The first one rotates: brokers fill responses in order. */
  fetch(
    partitions: readonly AssignedPartition[],
    onArrived: () => void,
    onLost: (error: Error, partitions: readonly AssignedPartition[]) => void,
  ): void {
    const socket = this.socket!;
    const asked = this.#ask(partitions);
    const correlationId = socket.nextCorrelationId();
    const askedMs = performance.now();
    this.isInFlight = true;
    socket.sendFrame(
      correlationId,
      [encodeFetchRequest(correlationId, this.#clientId, this.#limits, [...asked.values()])],
      this.#timeoutMs,
      (frame) => {
        this.isInFlight = false;
        const slices: FetchedSlice[] = [];
        const errorCode = this.#readAnswer(frame, socket, asked, slices);
        if (errorCode !== 0) {
          onLost(new Error(`${socket.address} answered fetch with error ${errorCode}`), partitions);
          return;
        }
        const isEmpty = slices.every((slice) => slice.start === slice.end);
        const arrivedMs = performance.now();
        this.arrived = { bytes: socket.takeFrame(this.#spare), slices, askedMs, arrivedMs, index: 0, isEmpty };
        this.#spare = null;
        onArrived();
      },
      (error) => {
        this.isInFlight = false;
        onLost(error, partitions);
      },
    );
  }

  /** Adds the answer's slices; returns its error code. What cannot be read may be readable when it is sent again. */
  #readAnswer(
    frame: Uint8Array,
    { address }: BrokerSocket,
    asked: ReadonlyMap<string, AskedTopic>,
    slices: FetchedSlice[],
  ): number {
    try {
      return readFetchResponse(frame, this.#fetched, (fetched) => {
        const topic = asked.get(fetched.topic);
        const index = topic?.partitions.indexOf(fetched.partition) ?? -1;
        if (topic === undefined || index < 0) {
          throw new Error(`it has records of ${fetched.topic} partition ${fetched.partition}, which nobody asked for`);
        }
        slices.push(sliceOf(fetched, topic.assigned[index]!, topic.epochs[index]!));
      });
    } catch (error) {
      throw new Error(`the answer of ${address} to a fetch cannot be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  close(): void {
    this.socket?.close();
    this.current = null;
    this.arrived = null;
  }

  #ask(partitions: readonly AssignedPartition[]): Map<string, AskedTopic> {
    this.#turn = (this.#turn + 1) % partitions.length;
    const asked = new Map<string, AskedTopic>();
    for (let i = 0; i < partitions.length; i++) {
      const partition = partitions[(this.#turn + i) % partitions.length]!;
      let topic = asked.get(partition.topic);
      if (topic === undefined) {
        topic = { topic: partition.topic, assigned: [], epochs: [], partitions: [], offsets: [], maxBytes: [] };
        asked.set(partition.topic, topic);
      }
      topic.assigned.push(partition);
      topic.epochs.push(partition.epoch);
      topic.partitions.push(partition.partition);
      topic.offsets.push(Math.max(partition.fetchOffset, partition.position));
      topic.maxBytes.push(Math.max(partition.wantedBytes, this.#partitionBytes));
    }
    return asked;
  }

  /** The response was read to its end: its buffer takes the next one. */
  release(): void {
    if (this.current !== null) this.#spare = this.current.bytes;
    this.current = null;
  }
}

function sliceOf(fetched: FetchedPartition, partition: AssignedPartition, epoch: number): FetchedSlice {
  return {
    partition,
    epoch,
    errorCode: fetched.errorCode,
    highWatermark: fetched.highWatermark,
    lastStableOffset: fetched.lastStableOffset,
    logStartOffset: fetched.logStartOffset,
    aborted: fetched.aborted,
    start: fetched.recordsStart,
    end: fetched.recordsEnd,
    isOpen: false,
  };
}
