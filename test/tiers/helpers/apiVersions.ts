import { connect } from 'node:net';

/** Whether a plain listener on the loopback speaks Kafka: ApiVersions v0, the first thing that any client sends. */
export function answersApiVersions(port: number, signal: AbortSignal): Promise<boolean> {
  const clientId = 'test';
  const request = Buffer.alloc(14 + clientId.length);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(18, 4);
  request.writeInt32BE(7, 8);
  request.writeInt16BE(clientId.length, 12);
  request.write(clientId, 14);
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    socket.on('connect', () => socket.write(request));
    socket.on('error', reject);
    socket.on('close', () => resolve(false));
    socket.once('data', (answer) => {
      // Size, correlation id, error code.
      resolve(answer.length >= 10 && answer.readInt32BE(4) === 7 && answer.readInt16BE(8) === 0);
      socket.destroy();
    });
  });
}
