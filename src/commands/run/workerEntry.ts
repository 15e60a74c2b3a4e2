// Where a worker thread or process begins: dist/worker.js, or this file where src/ runs as it is.
import { parentPort } from 'node:worker_threads';
import type { FromWorker, ToWorker } from '../../runtime/workers/messages.ts';
import type { JobPlan } from './jobPlan.ts';

const { startWorker } = await import('./workerMain.ts');
type Take = (message: ToWorker<JobPlan>) => void;

if (parentPort !== null) {
  const port = parentPort;
  startWorker({
    post: (message) => port.postMessage(message),
    onMessage: (take: Take) => port.on('message', take),
    // A thread of Deno is a web worker, which closes by a global function.
    close: () => (typeof port.close === 'function' ? port.close() : (globalThis as { close?(): void }).close?.()),
  });
} else {
  // A terminal sends ^C to the whole process group: only the parent answers it, and tells its workers.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  startWorker({
    post: (message: FromWorker) => void process.send?.(message),
    onMessage: (take: Take) => {
      process.on('message', (message) => take(message as ToWorker<JobPlan>));
      // A parent that was killed leaves nobody to report to.
      process.on('disconnect', () => take({ type: 'stop', reason: 'the parent is gone' }));
    },
    close: () => process.disconnect?.(),
  });
}
