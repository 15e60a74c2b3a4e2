import { ByteReader, ByteWriter } from './bytes.ts';
import { Codec } from './codec.ts';
import * as data from './dataApis.ts';
import * as groups from './groupApis.ts';
import type { Decoded, Encodable, Shape } from './schema.ts';
import * as security from './securityApis.ts';
import * as topics from './topicApis.ts';
import * as transactions from './transactionApis.ts';

/** One API: its key, both tables, and how to frame them. */
export interface Api<Q extends Shape = Shape, P extends Shape = Shape> {
  readonly key: number;
  readonly request: Codec<Q>;
  readonly response: Codec<P>;
}

const NEVER_FLEXIBLE = 32767;

function api<Q extends Shape, P extends Shape>(key: number, flexibleSince: number, request: Q, response: P): Api<Q, P> {
  return { key, request: new Codec(request, flexibleSince), response: new Codec(response, flexibleSince) };
}

/** Every API that a Redpanda profile advertises: key, first flexible version, tables. Source: Kafka protocol guide. */
export const APIS = {
  Produce: api(0, 9, data.produceRequest, data.produceResponse),
  Fetch: api(1, 12, data.fetchRequest, data.fetchResponse),
  ListOffsets: api(2, 6, data.listOffsetsRequest, data.listOffsetsResponse),
  Metadata: api(3, 9, topics.metadataRequest, topics.metadataResponse),
  OffsetCommit: api(8, 8, groups.offsetCommitRequest, groups.offsetCommitResponse),
  OffsetFetch: api(9, 6, groups.offsetFetchRequest, groups.offsetFetchResponse),
  FindCoordinator: api(10, 3, groups.findCoordinatorRequest, groups.findCoordinatorResponse),
  JoinGroup: api(11, 6, groups.joinGroupRequest, groups.joinGroupResponse),
  Heartbeat: api(12, 4, groups.heartbeatRequest, groups.heartbeatResponse),
  LeaveGroup: api(13, 4, groups.leaveGroupRequest, groups.leaveGroupResponse),
  SyncGroup: api(14, 4, groups.syncGroupRequest, groups.syncGroupResponse),
  DescribeGroups: api(15, 5, groups.describeGroupsRequest, groups.describeGroupsResponse),
  ListGroups: api(16, 3, groups.listGroupsRequest, groups.listGroupsResponse),
  SaslHandshake: api(17, NEVER_FLEXIBLE, security.saslHandshakeRequest, security.saslHandshakeResponse),
  ApiVersions: api(18, 3, topics.apiVersionsRequest, topics.apiVersionsResponse),
  CreateTopics: api(19, 5, topics.createTopicsRequest, topics.createTopicsResponse),
  DeleteTopics: api(20, 4, topics.deleteTopicsRequest, topics.deleteTopicsResponse),
  DeleteRecords: api(21, 2, data.deleteRecordsRequest, data.deleteRecordsResponse),
  InitProducerId: api(22, 2, data.initProducerIdRequest, data.initProducerIdResponse),
  OffsetForLeaderEpoch: api(23, 4, data.offsetForLeaderEpochRequest, data.offsetForLeaderEpochResponse),
  AddPartitionsToTxn: api(24, 3, transactions.addPartitionsToTxnRequest, transactions.addPartitionsToTxnResponse),
  AddOffsetsToTxn: api(25, 3, transactions.addOffsetsToTxnRequest, transactions.addOffsetsToTxnResponse),
  EndTxn: api(26, 3, transactions.endTxnRequest, transactions.endTxnResponse),
  TxnOffsetCommit: api(28, 3, transactions.txnOffsetCommitRequest, transactions.txnOffsetCommitResponse),
  DescribeAcls: api(29, 2, security.describeAclsRequest, security.describeAclsResponse),
  CreateAcls: api(30, 2, security.createAclsRequest, security.createAclsResponse),
  DeleteAcls: api(31, 2, security.deleteAclsRequest, security.deleteAclsResponse),
  DescribeConfigs: api(32, 4, topics.describeConfigsRequest, topics.describeConfigsResponse),
  AlterConfigs: api(33, 2, topics.alterConfigsRequest, topics.alterConfigsResponse),
  DescribeLogDirs: api(35, 2, topics.describeLogDirsRequest, topics.describeLogDirsResponse),
  SaslAuthenticate: api(36, 2, security.saslAuthenticateRequest, security.saslAuthenticateResponse),
  CreatePartitions: api(37, 2, topics.createPartitionsRequest, topics.createPartitionsResponse),
  DeleteGroups: api(42, 2, groups.deleteGroupsRequest, groups.deleteGroupsResponse),
  IncrementalAlterConfigs: api(44, 1, topics.incrementalAlterConfigsRequest, topics.incrementalAlterConfigsResponse),
  AlterPartitionReassignments: api(
    45,
    0,
    topics.alterPartitionReassignmentsRequest,
    topics.alterPartitionReassignmentsResponse,
  ),
  ListPartitionReassignments: api(
    46,
    0,
    topics.listPartitionReassignmentsRequest,
    topics.listPartitionReassignmentsResponse,
  ),
  OffsetDelete: api(47, NEVER_FLEXIBLE, groups.offsetDeleteRequest, groups.offsetDeleteResponse),
  DescribeClientQuotas: api(48, 1, security.describeClientQuotasRequest, security.describeClientQuotasResponse),
  AlterClientQuotas: api(49, 1, security.alterClientQuotasRequest, security.alterClientQuotasResponse),
  DescribeUserScramCredentials: api(
    50,
    0,
    security.describeUserScramCredentialsRequest,
    security.describeUserScramCredentialsResponse,
  ),
  AlterUserScramCredentials: api(
    51,
    0,
    security.alterUserScramCredentialsRequest,
    security.alterUserScramCredentialsResponse,
  ),
  DescribeCluster: api(60, 0, topics.describeClusterRequest, topics.describeClusterResponse),
  DescribeProducers: api(61, 0, transactions.describeProducersRequest, transactions.describeProducersResponse),
  DescribeTransactions: api(65, 0, transactions.describeTransactionsRequest, transactions.describeTransactionsResponse),
  ListTransactions: api(66, 0, transactions.listTransactionsRequest, transactions.listTransactionsResponse),
} as const;

export type ApiName = keyof typeof APIS;
export type Request<N extends ApiName> = (typeof APIS)[N] extends Api<infer Q, Shape> ? Decoded<Q> : never;
export type Response<N extends ApiName> = (typeof APIS)[N] extends Api<Shape, infer P> ? Encodable<P> : never;
/** A response as a client reads it. */
export type DecodedResponse<N extends ApiName> = (typeof APIS)[N] extends Api<Shape, infer P> ? Decoded<P> : never;
export type EncodableRequest<N extends ApiName> = (typeof APIS)[N] extends Api<infer Q, Shape> ? Encodable<Q> : never;

const NAME_BY_KEY = new Map<number, ApiName>(Object.entries(APIS).map(([name, { key }]) => [key, name as ApiName]));

export function apiName(key: number): ApiName | undefined {
  return NAME_BY_KEY.get(key);
}

export function apiOf(name: ApiName): Api {
  return APIS[name] as unknown as Api;
}

export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
}

/** The part of the request header that is the same in every version. */
export function readHeader(reader: ByteReader): RequestHeader {
  return { apiKey: reader.int16(), apiVersion: reader.int16(), correlationId: reader.int32() };
}

/** The rest of the header: client id (never compact), then tags in flexible versions. */
export function readClientId(reader: ByteReader, flexible: boolean): string {
  const length = reader.int16();
  const clientId = length < 0 ? '' : reader.utf8(length);
  if (flexible) {
    for (let count = reader.uvarint(); count > 0; count--) {
      reader.uvarint();
      reader.take(reader.uvarint());
    }
  }
  return clientId;
}

/** A response frame in pieces. ApiVersions keeps header version 0, so that a client can read it before it knows us. */
export function responseFrame(
  writer: ByteWriter,
  name: ApiName,
  version: number,
  correlationId: number,
  response: object,
): Buffer[] {
  const codec = apiOf(name).response;
  writer.reset();
  writer.int32(correlationId);
  if (codec.isFlexible(version) && name !== 'ApiVersions') writer.uvarint(0);
  codec.encode(writer, version, response);
  return writer.frame();
}

/** The client's side, for tests and tools: a request frame in pieces. */
export function requestFrame<N extends ApiName>(
  name: N,
  version: number,
  correlationId: number,
  clientId: string | null,
  request: EncodableRequest<N>,
): Buffer[] {
  const codec = apiOf(name).request;
  const writer = new ByteWriter();
  writer.int16(apiOf(name).key);
  writer.int16(version);
  writer.int32(correlationId);
  const length = clientId === null ? -1 : Buffer.byteLength(clientId);
  writer.int16(length);
  if (clientId !== null) writer.utf8(clientId, length);
  if (codec.isFlexible(version)) writer.uvarint(0);
  codec.encode(writer, version, request as object);
  return writer.frame();
}

/** The client's side: a response without its length, as decoded fields. */
export function readResponse<N extends ApiName>(
  name: N,
  version: number,
  frame: Buffer,
): { readonly correlationId: number; readonly response: DecodedResponse<N>; readonly unread: number } {
  const codec = apiOf(name).response;
  const reader = new ByteReader(frame);
  const correlationId = reader.int32();
  if (codec.isFlexible(version) && name !== 'ApiVersions') readTagsOf(reader);
  const response = codec.decode(reader, version) as DecodedResponse<N>;
  return { correlationId, response, unread: reader.remaining };
}

function readTagsOf(reader: ByteReader): void {
  for (let count = reader.uvarint(); count > 0; count--) {
    reader.uvarint();
    reader.take(reader.uvarint());
  }
}
