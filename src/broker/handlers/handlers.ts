import type { BrokerContext, Handlers } from '../context.ts';
import { clusterHandlers } from './cluster.ts';
import { configHandlers } from './configs.ts';
import { fetchHandler } from './fetch.ts';
import { groupOffsetHandlers } from './groupOffsets.ts';
import { groupHandlers } from './groups.ts';
import { whileLoading } from './loading.ts';
import { offsetHandlers } from './offsets.ts';
import { produceHandler } from './produce.ts';
import { producerHandlers } from './producers.ts';
import { securityHandlers } from './security.ts';
import { topicHandlers } from './topics.ts';
import { transactionHandlers } from './transactions.ts';

/** A handler for every API that any profile advertises; the compiler holds the list whole. */
export function makeHandlers(broker: BrokerContext): Handlers {
  return whileLoading(broker, {
    Produce: produceHandler(broker),
    Fetch: fetchHandler(broker),
    ...offsetHandlers(broker),
    ...clusterHandlers(broker),
    ...topicHandlers(broker),
    ...configHandlers(broker),
    ...groupHandlers(broker),
    ...groupOffsetHandlers(broker),
    ...producerHandlers(broker),
    ...transactionHandlers(broker),
    ...securityHandlers(broker),
  });
}
