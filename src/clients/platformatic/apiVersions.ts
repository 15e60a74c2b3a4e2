import { AnomalyError } from '../../errors.ts';
import type { ApiRanges } from './apis.ts';
import type { BrokerSocket } from './brokerSocket.ts';

type Library = typeof import('./library.ts');

const API_VERSIONS_KEY = 18;

/**
 * Which versions a broker speaks. ApiVersions v3 is asked for; a broker that lacks it answers in the layout of v0
 * with UNSUPPORTED_VERSION (KIP-511), which the ranges are read from all the same, so `doctor` can show them.
 */
export async function readApiVersions(socket: BrokerSocket, library: Library, timeoutMs: number): Promise<ApiRanges> {
  return new Promise((resolve, reject) => {
    socket.send(
      API_VERSIONS_KEY,
      3,
      () => library.apiVersionsV3.createRequest('anomaly', '0'),
      (_correlationId, _key, _version, reader) => {
        const ranges = new Map<number, readonly [number, number]>();
        const errorCode = reader.readInt16();
        if (errorCode !== 0 && errorCode !== 35) {
          throw new AnomalyError('ANM_PROTOCOL', `${socket.address} answered ApiVersions with error ${errorCode}`);
        }
        const compact = errorCode === 0;
        const count = compact ? reader.readUnsignedVarInt() - 1 : reader.readInt32();
        for (let i = 0; i < count; i++) {
          const key = reader.readInt16();
          ranges.set(key, [reader.readInt16(), reader.readInt16()]);
          if (compact) reader.readTaggedFields();
        }
        return ranges;
      },
      true,
      false,
      (error, payload) => (error === null ? resolve(payload as ApiRanges) : reject(asProtocol(error, socket.address))),
      timeoutMs,
    );
  });
}

function asProtocol(error: Error, address: string): AnomalyError {
  return new AnomalyError(
    'ANM_BROKER_UNREACHABLE',
    `cannot connect to ${address}: it accepts connections but does not answer as a Kafka broker (${error.message})`,
    { hint: 'check that --brokers names the Kafka port, and whether it wants TLS or SASL', cause: error },
  );
}
