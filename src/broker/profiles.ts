import type { ApiName } from './protocol/apis.ts';

/** Lowest and highest version of each API that a release advertises. */
export type VersionRanges = Readonly<Partial<Record<ApiName, readonly [number, number]>>>;

export interface Profile {
  /** As given to --like. */
  readonly name: string;
  readonly release: string;
  readonly confidence: string;
  readonly apis: VersionRanges;
}

/**
 * What Redpanda of December 2024 (about v24.3 and v25.1) advertises, read from its source; later releases raised a few.
 * Rows without a known bump are carried forward, so a later row may be too low, never too high.
 */
const SOURCE_OF_2024_12: VersionRanges = {
  Produce: [0, 7],
  Fetch: [4, 11],
  ListOffsets: [0, 4],
  Metadata: [0, 8],
  OffsetCommit: [1, 8],
  OffsetFetch: [1, 7],
  FindCoordinator: [0, 3],
  JoinGroup: [0, 6],
  Heartbeat: [0, 4],
  LeaveGroup: [0, 4],
  SyncGroup: [0, 4],
  DescribeGroups: [0, 5],
  ListGroups: [0, 4],
  SaslHandshake: [0, 1],
  ApiVersions: [0, 3],
  CreateTopics: [0, 6],
  DeleteTopics: [0, 5],
  DeleteRecords: [0, 2],
  InitProducerId: [0, 3],
  OffsetForLeaderEpoch: [0, 4],
  AddPartitionsToTxn: [0, 3],
  AddOffsetsToTxn: [0, 1],
  EndTxn: [0, 3],
  TxnOffsetCommit: [0, 3],
  DescribeAcls: [0, 2],
  CreateAcls: [0, 2],
  DeleteAcls: [0, 2],
  DescribeConfigs: [0, 4],
  AlterConfigs: [0, 2],
  DescribeLogDirs: [0, 2],
  SaslAuthenticate: [0, 2],
  CreatePartitions: [0, 3],
  DeleteGroups: [0, 2],
  IncrementalAlterConfigs: [0, 1],
  AlterPartitionReassignments: [0, 0],
  ListPartitionReassignments: [0, 0],
  OffsetDelete: [0, 0],
  DescribeClientQuotas: [0, 1],
  AlterClientQuotas: [0, 1],
  DescribeProducers: [0, 0],
  DescribeTransactions: [0, 0],
  ListTransactions: [0, 0],
};

/** Metadata: PR #25915 and #25959; DescribeCluster; SCRAM credentials: #24935 and #25138. */
const V25_2: VersionRanges = {
  ...SOURCE_OF_2024_12,
  Metadata: [0, 11],
  DescribeCluster: [0, 0],
  DescribeUserScramCredentials: [0, 0],
  AlterUserScramCredentials: [0, 0],
};

/** #26968 (Metadata, Fetch, CreateTopics), #27293 (DeleteTopics), #27391 (FindCoordinator), #27794 (OffsetFetch). */
const V25_3: VersionRanges = {
  ...V25_2,
  Metadata: [0, 12],
  Fetch: [4, 13],
  CreateTopics: [0, 7],
  DeleteTopics: [0, 6],
  FindCoordinator: [0, 4],
  OffsetFetch: [1, 8],
  ListOffsets: [0, 5],
};

/** #28722 (ListOffsets). Metadata 13 is possible on v26.2 (#30485), 12 is the safe value. */
const V26_1: VersionRanges = { ...V25_3, ListOffsets: [0, 6] };

/** Oldest first; the last is the default. */
export const PROFILES: readonly Profile[] = [
  {
    name: 'v24.3',
    release: 'source of December 2024 (about v24.3/v25.1)',
    confidence: 'read from source',
    apis: SOURCE_OF_2024_12,
  },
  { name: 'v25.2', release: 'v25.2', confidence: 'inferred: merge dates, no backports', apis: V25_2 },
  {
    name: 'v25.3',
    release: 'v25.3',
    confidence: 'inferred: merge dates; ListOffsets 5 weakest (4 or 5)',
    apis: V25_3,
  },
  {
    name: 'v26.1',
    release: 'v26.1/v26.2',
    confidence: 'inferred: ListOffsets 6 merged after v25.3, not backported',
    apis: V26_1,
  },
];

export const DEFAULT_PROFILE = 'v26.1';

/** Other names of a release under which it may be asked for. */
const ALIASES: Readonly<Record<string, string>> = { 'v25.1': 'v24.3', 'v26.2': 'v26.1' };

/** A profile by its name, with or without the `v`; undefined for one that is not known. */
export function profileNamed(name: string): Profile | undefined {
  const wanted = name.startsWith('v') ? name : `v${name}`;
  const resolved = ALIASES[wanted] ?? wanted;
  return PROFILES.find((profile) => profile.name === resolved);
}
