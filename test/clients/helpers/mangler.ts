import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Changes the body of a response (correlation id first), or drops the connection by returning null. */
export type Mangle = (apiKey: number, response: Buffer) => Buffer | null;

/**
 * A proxy in front of a broker that may change what it answers, frame by frame. It stands for a bug in the client or
 * a bad disk: what no broker does on request.
 */
export class ManglingProxy {
  mangle: Mangle = (_apiKey, response) => response;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(brokerPort: number) {
    this.#server = createServer((client) => {
      const broker = connect(brokerPort, '127.0.0.1');
      const apiKeys = new Map<number, number>();
      for (const socket of [client, broker]) {
        this.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => {});
      }
      client.on('close', () => broker.destroy());
      broker.on('close', () => client.destroy());
      onFrames(client, (frame) => {
        apiKeys.set(frame.readInt32BE(8), frame.readInt16BE(4));
        broker.write(frame);
      });
      onFrames(broker, (frame) => {
        const correlationId = frame.readInt32BE(4);
        const response = this.mangle(apiKeys.get(correlationId)!, Buffer.from(frame.subarray(4)));
        if (response === null) {
          client.destroy();
          return;
        }
        const size = Buffer.alloc(4);
        size.writeInt32BE(response.length);
        client.write(Buffer.concat([size, response]));
      });
    });
  }

  /** Listens on a free port of the loopback. */
  static async start(brokerPort: number): Promise<ManglingProxy> {
    const proxy = new ManglingProxy(brokerPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Whole frames, size included. */
function onFrames(socket: Socket, onFrame: (frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      onFrame(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  });
}
