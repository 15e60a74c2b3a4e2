// Where the thread of a model begins: dist/modelWorker.js, or this file where src/ runs as it is.
import { parentPort } from 'node:worker_threads';
import type { ModelWorker } from '../scoring/modelWorker.ts';
import type { FromModelWorker, ToModelWorker } from './workerMessages.ts';

const port = parentPort!;
const worker: Promise<ModelWorker> = import('../scoring/modelWorker.ts').then(
  ({ ModelWorker }) => new ModelWorker((message: FromModelWorker, transfer) => port.postMessage(message, transfer)),
);
// At once: Deno does not keep messages until somebody listens.
port.on('message', (message: ToModelWorker) => void worker.then((each) => each.take(message)));
