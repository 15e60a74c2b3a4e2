import { AnomalyError } from '../../errors.ts';
import type { AssignedPartition } from './assignedPartition.ts';
import type { BrokerSocket } from './brokerSocket.ts';
import { encodeFetch, FetchedPartition, type FetchLimits, type FetchTopic, readFetchAnswer } from './fetchRequest.ts';

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
  /** Bytes still to be read: [at, end) of the frame. */
  at: number;
  end: number;
}

/** One fetch response, in a buffer that belongs to it until it is released. */
export interface FetchedResponse {
  readonly bytes: Uint8Array;
  readonly slices: FetchedSlice[];
  /** The slice being read. */
  index: number;
}

/** The server answers a long poll within its wait; the rest is its work and the way. */
const MAX_PARTITIONS_AT_ONCE = 10_000;

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

  constructor(nodeId: number, limits: FetchLimits, clientId: string, requestTimeoutMs: number) {
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
    this.#turn = (this.#turn + 1) % partitions.length;
    const asked = new Map<
      string,
      { list: AssignedPartition[]; epochs: number[]; request: FetchTopic & { partitions: number[]; offsets: number[] } }
    >();
    for (let i = 0; i < Math.min(partitions.length, MAX_PARTITIONS_AT_ONCE); i++) {
      const partition = partitions[(this.#turn + i) % partitions.length]!;
      let topic = asked.get(partition.topic);
      if (topic === undefined) {
        topic = { list: [], epochs: [], request: { topic: partition.topic, partitions: [], offsets: [] } };
        asked.set(partition.topic, topic);
      }
      topic.list.push(partition);
      topic.epochs.push(partition.epoch);
      topic.request.partitions.push(partition.partition);
      topic.request.offsets.push(partition.fetchOffset);
    }
    const correlationId = socket.nextCorrelationId();
    const request = encodeFetch(
      correlationId,
      this.#clientId,
      this.#limits,
      [...asked.values()].map((topic) => topic.request),
    );
    this.isInFlight = true;
    socket.sendFrame(
      correlationId,
      [request],
      this.#timeoutMs,
      (frame) => {
        this.isInFlight = false;
        const slices: FetchedSlice[] = [];
        const errorCode = readFetchAnswer(frame, this.#fetched, (fetched) => {
          const topic = asked.get(fetched.topic);
          const index = topic?.request.partitions.indexOf(fetched.partition) ?? -1;
          if (topic === undefined || index < 0) {
            throw new AnomalyError(
              'ANM_PROTOCOL',
              `${socket.address} sent records of ${fetched.topic} partition ${fetched.partition}, which nobody asked for`,
            );
          }
          slices.push(sliceOf(fetched, topic.list[index]!, topic.epochs[index]!));
        });
        if (errorCode !== 0) {
          onLost(new Error(`${socket.address} answered fetch with error ${errorCode}`), partitions);
          return;
        }
        this.arrived = { bytes: socket.takeFrame(this.#spare), slices, index: 0 };
        this.#spare = null;
        onArrived();
      },
      (error) => {
        this.isInFlight = false;
        onLost(error, partitions);
      },
    );
  }

  close(): void {
    this.socket?.close();
    this.current = null;
    this.arrived = null;
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
    at: fetched.recordsStart,
    end: fetched.recordsEnd,
  };
}
