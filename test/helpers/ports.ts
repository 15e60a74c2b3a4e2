import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that systems give to who asks for any port: Linux from 32768 on, others from 49152. */
const [FIRST, COUNT] = [20_000, 12_000];
/** Test files run beside each other, each in a process of its own. */
const FIRST_HERE = FIRST + ((process.pid * 31) % COUNT);

/**
 * A free port for a server that goes away and comes back to it. One that the system had chosen might be another's by then:
 * meanwhile its own clients are given ports of that range for their ends of connections, even this very one.
 */
export async function portToComeBackTo(from = FIRST_HERE): Promise<number> {
  for (let port = from; ; port = FIRST + ((port + 1 - FIRST) % COUNT)) if (await isFree(port)) return port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  const isListening = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (isListening) await new Promise((resolve) => server.close(resolve));
  return isListening;
}
