import type { API } from '@platformatic/kafka';
import { AnomalyError } from '../../errors.ts';
import { FETCH_KEY, FETCH_VERSION } from '../../wire/fetch.ts';
import { PRODUCE_KEY, PRODUCE_VERSION } from '../../wire/produce.ts';

type Library = typeof import('./library.ts');

/** API key -> [min, max] versions that a broker advertised. */
export type ApiRanges = ReadonlyMap<number, readonly [number, number]>;

/** The versions of one API that the library has a codec for, newest first. */
export interface ApiChoice<Request extends unknown[], Response> {
  readonly name: string;
  readonly versions: readonly API<Request, Response>[];
}

export type Apis = ReturnType<typeof apiChoices>;

/** The slow APIs, by the library's codecs. Response shapes differ only in fields that nothing here reads. */
export function apiChoices(library: Library) {
  const metadata = [
    library.metadataV12.api,
    library.metadataV11.api,
    library.metadataV10.api,
    library.metadataV9.api,
  ] as unknown as (typeof library.metadataV12.api)[];
  const listOffsets = [
    library.listOffsetsV7.api,
    library.listOffsetsV6.api,
    library.listOffsetsV5.api,
  ] as unknown as (typeof library.listOffsetsV7.api)[];
  const joinGroup = [
    library.joinGroupV9.api,
    library.joinGroupV8.api,
    library.joinGroupV7.api,
    library.joinGroupV6.api,
  ] as unknown as (typeof library.joinGroupV9.api)[];
  const configs = [
    library.describeConfigsV4.api,
    library.describeConfigsV3.api,
    library.describeConfigsV2.api,
  ] as unknown as (typeof library.describeConfigsV4.api)[];
  const addOffsets = [
    library.addOffsetsToTxnV3.api,
    library.addOffsetsToTxnV2.api,
    library.addOffsetsToTxnV1.api,
  ] as unknown as (typeof library.addOffsetsToTxnV3.api)[];
  return {
    metadata: { name: 'Metadata', versions: metadata },
    listOffsets: { name: 'ListOffsets', versions: listOffsets },
    createTopics: { name: 'CreateTopics', versions: [library.createTopicsV7.api] },
    deleteTopics: { name: 'DeleteTopics', versions: [library.deleteTopicsV6.api] },
    deleteRecords: { name: 'DeleteRecords', versions: [library.deleteRecordsV2.api] },
    describeConfigs: { name: 'DescribeConfigs', versions: configs },
    findCoordinator: { name: 'FindCoordinator', versions: [library.findCoordinatorV4.api] },
    joinGroup: { name: 'JoinGroup', versions: joinGroup },
    syncGroup: {
      name: 'SyncGroup',
      versions: [library.syncGroupV5.api, library.syncGroupV4.api] as unknown as (typeof library.syncGroupV5.api)[],
    },
    heartbeat: { name: 'Heartbeat', versions: [library.heartbeatV4.api] },
    leaveGroup: {
      name: 'LeaveGroup',
      versions: [library.leaveGroupV5.api, library.leaveGroupV4.api] as unknown as (typeof library.leaveGroupV5.api)[],
    },
    offsetCommit: { name: 'OffsetCommit', versions: [library.offsetCommitV8.api] },
    offsetFetch: { name: 'OffsetFetch', versions: [library.offsetFetchV8.api] },
    initProducerId: {
      name: 'InitProducerId',
      versions: [library.initProducerIdV4.api, library.initProducerIdV3.api],
    },
    // Version 3 each: Redpanda has no newer one, and from AddPartitionsToTxn v4 on only brokers may ask.
    addPartitionsToTxn: { name: 'AddPartitionsToTxn', versions: [library.addPartitionsToTxnV3.api] },
    addOffsetsToTxn: { name: 'AddOffsetsToTxn', versions: addOffsets },
    txnOffsetCommit: { name: 'TxnOffsetCommit', versions: [library.txnOffsetCommitV3.api] },
    endTxn: { name: 'EndTxn', versions: [library.endTxnV3.api] },
    describeTransactions: { name: 'DescribeTransactions', versions: [library.describeTransactionsV0.api] },
    listTransactions: { name: 'ListTransactions', versions: [library.listTransactionsV0.api] },
    describeGroups: { name: 'DescribeGroups', versions: [library.describeGroupsV5.api] },
    listGroups: { name: 'ListGroups', versions: [library.listGroupsV4.api] },
  } as const;
}

/** The newest version that both sides have, or null. */
export function commonVersion<Request extends unknown[], Response>(
  choice: ApiChoice<Request, Response>,
  ranges: ApiRanges,
): API<Request, Response> | null {
  for (const api of choice.versions) {
    const range = ranges.get(api.key);
    if (range !== undefined && api.version >= range[0] && api.version <= range[1]) return api;
  }
  return null;
}

export function requireVersion<Request extends unknown[], Response>(
  choice: ApiChoice<Request, Response>,
  ranges: ApiRanges,
  address: string,
): API<Request, Response> {
  const found = commonVersion(choice, ranges);
  if (found !== null) return found;
  const offers = offered(ranges.get(choice.versions[0]!.key));
  throw new AnomalyError(
    'ANM_UNSUPPORTED',
    `cannot ask ${address} as the fast client speaks ${spoken(choice)}, and it offers ${offers}`,
    { hint: 'use --client librdkafka on Node 20 to 24, which speaks older versions, or a newer broker' },
  );
}

/** What the fast client cannot do against this broker, an API each; empty when it can do all of it. */
export function missingApis(apis: Apis, ranges: ApiRanges): string[] {
  const missing: string[] = [];
  for (const choice of Object.values(apis) as ApiChoice<unknown[], unknown>[]) {
    if (commonVersion(choice, ranges) !== null) continue;
    missing.push(`${spoken(choice)} (offered: ${offered(ranges.get(choice.versions[0]!.key))})`);
  }
  for (const [name, key, version] of [
    ['Fetch', FETCH_KEY, FETCH_VERSION],
    ['Produce', PRODUCE_KEY, PRODUCE_VERSION],
  ] as const) {
    const range = ranges.get(key);
    if (range === undefined || version < range[0] || version > range[1]) {
      missing.push(`${name} v${version} (offered: ${offered(range)})`);
    }
  }
  return missing;
}

/** 'Metadata v9 to v12' */
function spoken(choice: { name: string; versions: readonly { version: number }[] }): string {
  const newest = choice.versions[0]!.version;
  const oldest = choice.versions.at(-1)!.version;
  return `${choice.name} ${oldest === newest ? `v${newest}` : `v${oldest} to v${newest}`}`;
}

function offered(range: readonly [number, number] | undefined): string {
  return range === undefined ? 'none' : `v${range[0]} to v${range[1]}`;
}
