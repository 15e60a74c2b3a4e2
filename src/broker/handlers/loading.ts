import type { BrokerContext, Handler, Handlers } from '../context.ts';
import type { ApiName } from '../protocol/apis.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import { errorResponse } from '../protocol/errorResponses.ts';

/** APIs that only a coordinator answers which knows its groups and transactions. */
const COORDINATED = [
  'JoinGroup',
  'SyncGroup',
  'LeaveGroup',
  'OffsetCommit',
  'OffsetFetch',
  'OffsetDelete',
  'DescribeGroups',
  'ListGroups',
  'DeleteGroups',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
  'DescribeTransactions',
  'ListTransactions',
] as const satisfies readonly ApiName[];

/** While the coordinator loads, it says so to all of them. */
export function whileLoading(broker: BrokerContext, handlers: Handlers): Handlers {
  const { Heartbeat, InitProducerId } = handlers;
  const guarded = COORDINATED.map((name) => [name, guard(broker, name, handlers[name] as Handler<ApiName>)]);
  const guardedInit = guard(broker, 'InitProducerId', InitProducerId);
  return {
    ...handlers,
    ...(Object.fromEntries(guarded) as Pick<Handlers, (typeof COORDINATED)[number]>),
    // Who has no transactional id gets a producer id from any broker.
    InitProducerId: (request, call) => (request.transactionalId === null ? InitProducerId : guardedInit)(request, call),
    // As Kafka: the member is told nothing that would disturb it.
    Heartbeat: (request, call) =>
      broker.isCoordinatorLoading() ? { errorCode: KafkaError.NONE } : Heartbeat(request, call),
  };
}

function guard<N extends ApiName>(broker: BrokerContext, name: N, handler: Handler<N>): Handler<N> {
  return (request, call) =>
    broker.isCoordinatorLoading()
      ? errorResponse(name, request, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, call.version)
      : handler(request, call);
}
