import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { DEFAULT_PROFILE, PROFILES, profileNamed } from '../../src/broker/profiles.ts';
import {
  APIS,
  type ApiName,
  type EncodableRequest,
  readResponse,
  requestFrame,
} from '../../src/broker/protocol/apis.ts';
import { batchOf, RawClient } from './helpers/rawClient.ts';

// Goal: every version that is advertised is answered, over TCP, in that version's layout; every other is refused.

const SWITCHED_OFF = { acls: 54, sasl: 34 };
/** No such transactional id was initialized. */
const UNKNOWN_TRANSACTIONAL_ID = 49;
const TOPIC = 'readings';
let broker: Broker;
let client: RawClient;
let topicId = '';

before(async () => {
  broker = await startBroker();
  client = await RawClient.to(broker);
  await client.createTopic(TOPIC, 2);
  topicId = broker.context.topics.get(TOPIC)!.id;
});
after(async () => {
  client.close();
  await broker.close();
});

type Requests = { readonly [N in ApiName]: (version: number) => EncodableRequest<N> };

const member = { groupId: 'nobody', memberId: 'x', generationId: 1 };

/** A plain request for each API. */
const REQUESTS: Requests = {
  Produce: () => ({
    acks: 1,
    topicData: [{ name: TOPIC, partitionData: [{ index: 1, records: batchOf(['a'], Date.now()) }] }],
  }),
  Fetch: () => ({
    topics: [{ topic: TOPIC, topicId, partitions: [{ partition: 0, partitionMaxBytes: 1000 }] }],
  }),
  ListOffsets: () => ({ topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }),
  Metadata: () => ({ topics: [{ name: TOPIC }] }),
  OffsetCommit: () => ({
    groupId: 'plain',
    topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, committedOffset: 3, committedMetadata: 'm' }] }],
  }),
  OffsetFetch: () => ({
    groupId: 'plain',
    topics: [{ name: TOPIC, partitionIndexes: [0] }],
    groups: [{ groupId: 'plain', topics: [{ name: TOPIC, partitionIndexes: [0] }] }],
  }),
  FindCoordinator: () => ({ key: 'plain', coordinatorKeys: ['plain'] }),
  JoinGroup: () => ({
    groupId: 'g',
    sessionTimeoutMs: 10000,
    memberId: 'nobody',
    protocolType: 'consumer',
    protocols: [{ name: 'range' }],
  }),
  Heartbeat: () => member,
  LeaveGroup: () => ({ ...member, members: [{ memberId: 'x' }] }),
  SyncGroup: () => member,
  DescribeGroups: () => ({ groups: ['plain'] }),
  ListGroups: () => ({}),
  SaslHandshake: () => ({ mechanism: 'PLAIN' }),
  ApiVersions: () => ({ clientSoftwareName: 'raw', clientSoftwareVersion: '1' }),
  CreateTopics: (version) => ({ topics: [{ name: `created-${version}`, numPartitions: 1, replicationFactor: 1 }] }),
  DeleteTopics: () => ({ topics: [{ name: 'absent' }], topicNames: ['absent'] }),
  DeleteRecords: () => ({ topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, offset: 0 }] }] }),
  InitProducerId: () => ({ transactionalId: null }),
  OffsetForLeaderEpoch: () => ({ topics: [{ topic: TOPIC, partitions: [{ partition: 0, leaderEpoch: 1 }] }] }),
  AddPartitionsToTxn: () => ({ transactionalId: 't', topics: [{ name: TOPIC, partitions: [0] }] }),
  AddOffsetsToTxn: () => ({ transactionalId: 't', groupId: 'g' }),
  EndTxn: () => ({ transactionalId: 't' }),
  TxnOffsetCommit: () => ({
    transactionalId: 't',
    groupId: 'g',
    topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, committedMetadata: null }] }],
  }),
  DescribeAcls: () => ({ resourceNameFilter: null, principalFilter: null, hostFilter: null }),
  CreateAcls: () => ({ creations: [{ resourceName: TOPIC, principal: 'User:a', host: '*' }] }),
  DeleteAcls: () => ({ filters: [{ resourceNameFilter: null, principalFilter: null, hostFilter: null }] }),
  DescribeConfigs: () => ({ resources: [{ resourceType: 2, resourceName: TOPIC, configurationKeys: null }] }),
  AlterConfigs: () => ({ resources: [{ resourceType: 2, resourceName: TOPIC, configs: [] }] }),
  DescribeLogDirs: () => ({ topics: null }),
  SaslAuthenticate: () => ({ authBytes: Buffer.from('x') }),
  CreatePartitions: () => ({ topics: [{ name: TOPIC, count: 3, assignments: null }], validateOnly: true }),
  DeleteGroups: () => ({ groupsNames: ['absent'] }),
  IncrementalAlterConfigs: () => ({ resources: [{ resourceType: 2, resourceName: TOPIC, configs: [] }] }),
  AlterPartitionReassignments: () => ({
    topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, replicas: [7] }] }],
  }),
  ListPartitionReassignments: () => ({}),
  OffsetDelete: () => ({ groupId: 'absent' }),
  DescribeClientQuotas: () => ({}),
  AlterClientQuotas: () => ({ entries: [{ entity: [{ entityType: 'user' }] }] }),
  DescribeUserScramCredentials: () => ({ users: [{ name: 'a' }] }),
  AlterUserScramCredentials: () => ({ deletions: [{ name: 'a' }] }),
  DescribeCluster: () => ({}),
  DescribeProducers: () => ({ topics: [{ name: TOPIC, partitionIndexes: [0] }] }),
  DescribeTransactions: () => ({ transactionalIds: ['t'] }),
  ListTransactions: () => ({}),
};

/** Every error code that an answer holds, at any depth. */
function errorCodes(answer: unknown): number[] {
  if (Array.isArray(answer)) return answer.flatMap(errorCodes);
  if (typeof answer !== 'object' || answer === null || Buffer.isBuffer(answer)) return [];
  return Object.entries(answer).flatMap(([key, value]) =>
    key === 'errorCode' ? [value as number] : errorCodes(value),
  );
}

/** What an API answers to the request above, where it is not success. */
const EXPECTED_ERROR: Partial<Record<ApiName, number>> = {
  JoinGroup: 25,
  Heartbeat: 25,
  LeaveGroup: 25,
  SyncGroup: 25,
  SaslHandshake: SWITCHED_OFF.sasl,
  SaslAuthenticate: SWITCHED_OFF.sasl,
  DeleteTopics: 3,
  AddPartitionsToTxn: UNKNOWN_TRANSACTIONAL_ID,
  AddOffsetsToTxn: UNKNOWN_TRANSACTIONAL_ID,
  EndTxn: UNKNOWN_TRANSACTIONAL_ID,
  TxnOffsetCommit: UNKNOWN_TRANSACTIONAL_ID,
  DescribeAcls: SWITCHED_OFF.acls,
  CreateAcls: SWITCHED_OFF.acls,
  DeleteAcls: SWITCHED_OFF.acls,
  DeleteGroups: 69,
  AlterPartitionReassignments: 39,
  OffsetDelete: 69,
  AlterClientQuotas: 35,
  DescribeUserScramCredentials: 91,
  AlterUserScramCredentials: 35,
  DescribeTransactions: 105,
};

for (const [name, [first, last]] of Object.entries(profileNamed(DEFAULT_PROFILE)!.apis) as [
  ApiName,
  [number, number],
][]) {
  test(`${name} is answered in versions ${first} to ${last}`, async () => {
    for (let version = first; version <= last; version++) {
      // Before version 3 a producer cannot send message format 2, the only one taken.
      const request = REQUESTS[name](version);
      const answer = await client.send(name, version, request as never);
      const wanted = name === 'Produce' && version < 3 ? 87 : (EXPECTED_ERROR[name] ?? 0);
      const highest = Math.max(0, ...errorCodes(answer));
      assert.equal(highest, wanted, `${name} ${version}: ${JSON.stringify(answer)}`);
    }
  });
}

for (const profile of PROFILES) {
  test(`--like ${profile.name} advertises exactly its ranges`, async () => {
    const like = await startBroker({ profile: profile.name });
    const raw = await RawClient.to(like);
    for (const version of [0, 1, 2, 3]) {
      const { apiKeys, errorCode } = await raw.send('ApiVersions', version, {});
      assert.equal(errorCode, 0);
      const names = new Map(Object.entries(APIS).map(([name, { key }]) => [key, name]));
      const ranges = apiKeys.map(({ apiKey, minVersion, maxVersion }) => [names.get(apiKey), [minVersion, maxVersion]]);
      assert.deepEqual(Object.fromEntries(ranges), profile.apis);
    }
    raw.close();
    await like.close();
  });
}

test('an ApiVersions request that is too new is answered in version 0 with error 35 and the list', async () => {
  const raw = await RawClient.to(broker);
  const frame = await raw.exchange(requestFrame('ApiVersions', 9, 5, 'raw', {}));
  const { response, correlationId, unread } = readResponse('ApiVersions', 0, frame!);
  assert.equal(correlationId, 5);
  assert.equal(unread, 0);
  assert.equal(response.errorCode, 35);
  assert.ok(response.apiKeys.some(({ apiKey, maxVersion }) => apiKey === 0 && maxVersion === 7));
  // The connection lives on.
  assert.equal((await raw.send('ApiVersions', 3, {})).errorCode, 0);
  raw.close();
});

test('a version outside the range, an unknown API, a cut or endless frame: the connection is closed', async () => {
  const unknownApi = Buffer.from('0000000a03e7000000000001ffff', 'hex');
  const cut = requestFrame('Metadata', 5, 1, 'raw', { topics: [{ name: TOPIC }] })[0]!.subarray(0, -4);
  cut.writeInt32BE(cut.length - 4, 0);
  const attempts = [
    requestFrame('Produce', 8, 1, 'raw', { acks: 1 }),
    requestFrame('Fetch', 3, 1, 'raw', {}),
    [unknownApi],
    [cut],
    [Buffer.from('7fffffff00', 'hex')],
    [Buffer.from('ffffffff00', 'hex')],
  ];
  for (const pieces of attempts) {
    const raw = await RawClient.to(broker);
    assert.equal(await raw.exchange(pieces), null);
  }
  assert.equal((await client.send('ApiVersions', 3, {})).errorCode, 0);
});

test('a request is understood however its bytes arrive, and several in one piece are answered in order', async () => {
  const raw = await RawClient.to(broker);
  const request = Buffer.concat(requestFrame('FindCoordinator', 4, 1, null, { coordinatorKeys: ['a', 'b'] }));
  for (const byte of request.subarray(0, -1)) raw.socket.write(Buffer.from([byte]));
  const { response } = readResponse('FindCoordinator', 4, (await raw.exchange([request.subarray(-1)]))!);
  assert.deepEqual(
    response.coordinators.map(({ key, port }) => [key, port]),
    [
      ['a', broker.port],
      ['b', broker.port],
    ],
  );
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => raw.send('DescribeGroups', 0, { groups: [`group-${i}`] })),
  );
  answers.forEach(({ groups }, i) => {
    assert.equal(groups[0]!.groupId, `group-${i}`);
  });
  raw.close();
});
