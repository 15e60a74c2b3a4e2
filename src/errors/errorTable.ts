import type { ErrorEntry } from './errorEntry.ts';
import { MODEL_ERRORS } from './modelErrors.ts';
import { REGISTRY_ERRORS } from './registryErrors.ts';
import { STORE_ERRORS } from './storeErrors.ts';
import { TRAINING_ERRORS } from './trainingErrors.ts';

/**
 * The one table of error codes. Exit code, retryability, hint, the page docs/errors.md and the tests derive from it.
 * Exit codes: 1 failure, 2 usage or configuration, 3 broker unreachable or timeout, 4 authentication, 5 bad data or
 * schema, 6 a check failed.
 */
export const ERROR_TABLE = {
  ANM_INTERNAL: {
    exit: 1,
    retryable: false,
    summary: 'An invariant of the tool itself does not hold.',
    hint: 'run again with --debug and report the stack',
  },
  ANM_USAGE: {
    exit: 2,
    retryable: false,
    summary: 'An unknown command or option, or an option with a value that it cannot take.',
    hint: 'see anomaly help',
  },
  ANM_CONFIG: {
    exit: 2,
    retryable: false,
    summary: 'A configuration key has a wrong name, type or value, or two keys contradict each other.',
    hint: 'anomaly config show prints each key with its origin',
  },
  ANM_ALERT_UNKNOWN: {
    exit: 2,
    retryable: false,
    summary: 'No alert of this id is in the topic of the alerts, or in the file.',
    hint: 'anomaly alerts ls prints the ids there are; --since looks further back',
  },
  ANM_TOPIC_MISSING: {
    exit: 2,
    retryable: false,
    summary: 'A topic that the command reads does not exist; the tool never asks a broker to create a source.',
    hint: 'create it with rpk topic create NAME -p PARTITIONS, or load data with anomaly produce',
  },
  ANM_SERIES_SPLIT: {
    exit: 2,
    retryable: false,
    summary: 'One series turned up in two partitions, so its state would be split.',
    hint: 'run again with --repartition, which inserts the topic <pipeline>.by-key',
  },
  ANM_GROUP_PROTOCOL: {
    exit: 2,
    retryable: false,
    summary: 'The consumer group is in use by members of another protocol or client family.',
    hint: 'stop the other members, or choose another --group',
  },
  ANM_GROUP_REBALANCED: {
    exit: 1,
    retryable: true,
    summary: 'The group gave the partitions to other members before their offsets were committed.',
    hint: 'what is not committed is read again by the new owner; if it recurs, raise the session or rebalance timeout',
  },
  ANM_PRODUCER_FENCED: {
    exit: 1,
    retryable: false,
    summary: 'Another process writes with the same transactional id: this one must not write any more.',
    hint: 'let one process a transactional id run; a member that starts again takes over from its former self by itself',
  },
  ANM_INSTANCE_FENCED: {
    exit: 1,
    retryable: false,
    summary: 'Another process joined the group under the same instance: this one has lost its partitions to it.',
    hint: 'give each running member an --instance of its own',
  },
  ANM_BROKER_UNREACHABLE: {
    exit: 3,
    retryable: true,
    summary: 'No broker answered within the dial timeout.',
    hint: 'check --brokers, or run anomaly doctor',
  },
  ANM_TIMEOUT: {
    exit: 3,
    retryable: true,
    summary: 'A broker or registry did not answer within the named timeout setting.',
    hint: 'raise the named setting, or run anomaly doctor',
  },
  ANM_REGISTRY_UNREACHABLE: {
    exit: 3,
    retryable: true,
    summary: 'The Schema Registry did not answer.',
    hint: 'check --registry, or run anomaly doctor',
  },
  ANM_AUTHENTICATION: {
    exit: 4,
    retryable: false,
    summary: 'The broker or registry refused the credentials.',
    hint: 'check the user, the password file and the SASL mechanism',
  },
  ANM_TLS: {
    exit: 4,
    retryable: false,
    summary:
      'TLS cannot be set up: a certificate is not trusted, expired, missing or for another name, or only one side speaks TLS.',
    hint: 'the message names the setting; docs/security.md has an example of each case',
  },
  ANM_AUTHORIZATION: {
    exit: 4,
    retryable: false,
    summary: 'The principal may not do this.',
    hint: 'grant the ACL that the message names',
  },
  ANM_SCHEMA_INCOMPATIBLE: {
    exit: 5,
    retryable: false,
    summary: 'A schema cannot replace, or be read as, the one in use.',
    hint: 'anomaly schema check SUBJECT FILE shows field and rule',
  },
  ANM_SCHEMA_UNKNOWN: {
    exit: 5,
    retryable: false,
    summary: 'The registry has no such schema or subject.',
    hint: 'anomaly schema ls lists what it has',
  },
  ANM_SCHEMA_INVALID: {
    exit: 5,
    retryable: false,
    summary: 'A text is not a valid schema.',
    hint: 'the message names the place in the schema',
  },
  ANM_SCHEMA_UNSUPPORTED: {
    exit: 5,
    retryable: false,
    summary: 'A schema has a shape that the pipeline cannot read.',
    hint: 'choose other fields, or --format json',
  },
  ANM_BAD_DATA: {
    exit: 5,
    retryable: false,
    summary: 'Records or rows that cannot be decoded are above the allowed rate.',
    hint: 'look at the dead letters or rejects, and check the field mapping',
  },
  ANM_CORRUPT_BATCH: {
    exit: 5,
    retryable: false,
    summary: 'A record batch fails its CRC-32C or its own lengths.',
    hint: 'its raw bytes and offset range are in the dead letter topic',
  },
  ANM_OFFSET_GAP: {
    exit: 5,
    retryable: false,
    summary: 'Offsets are missing, and the broker does have records there.',
    hint: 'report it with the printed offsets; start again to read them',
  },
  ANM_OFFSET_OUT_OF_RANGE: {
    exit: 5,
    retryable: false,
    summary: 'The position to read from is no longer, or not yet, in the log.',
    hint: 'choose another --offset (tail, replay) or --pipeline (run), and check the retention of the topic',
  },
  ANM_FILE: {
    exit: 5,
    retryable: false,
    summary: 'An input file is missing, unreadable or in no known format.',
    hint: 'give a CSV, JSON Lines, Parquet or Avro file, a folder, a glob, or - for stdin',
  },
  ANM_LABELS: {
    exit: 5,
    retryable: false,
    summary: 'Labels of anomalies name a series or a time that the data does not have, or cannot be read.',
    hint: 'labels are JSON {series: [[start, end], ...]} or CSV with the columns series, start, end; times without a zone are UTC',
  },
  ANM_RESUME: {
    exit: 5,
    retryable: false,
    summary: 'An interrupted load cannot go on: the source, the flags or the topic are not as they were.',
    hint: 'give the same inputs and flags as before, or load into another topic',
  },
  ANM_SERIES_LIMIT: {
    exit: 5,
    retryable: false,
    summary: 'A record is of a new series, and the partition has as many as state.max_series allows.',
    hint: 'raise state.max_series, set state.ttl, or let the series seen least recently go by state.on_full: evict',
  },
  ANM_SERIES_UNKNOWN: {
    exit: 2,
    retryable: false,
    summary: 'A series has no state in the checkpoint that was asked.',
    hint: 'anomaly state top lists series; one that is new since the checkpoint is not in it yet',
  },
  ANM_STATE_CORRUPT: {
    exit: 5,
    retryable: false,
    summary: 'A snapshot fails its checksum or does not belong to this pipeline.',
    hint: 'bring back what the message names, or begin with empty windows by --fresh',
  },
  ANM_STATE_INCOMPATIBLE: {
    exit: 5,
    retryable: false,
    summary: 'The checkpoint is of a pipeline that computes something else.',
    hint: 'drop the state of the named operator by --allow, or give the changed pipeline another --pipeline name',
  },
  ANM_JOURNAL_CORRUPT: {
    exit: 5,
    retryable: false,
    summary: 'A record of <pipeline>.journal is damaged, or was not written by this tool.',
    hint: 'look at it with anomaly tail; a pipeline under another --pipeline name begins with a journal of its own',
  },
  ANM_SOURCE_GAP: {
    exit: 2,
    retryable: false,
    summary: 'Records that the pipeline has not read, or needs to rebuild its windows, were deleted by retention.',
    hint: 'go on without them by --accept-gap, and give the source topic a longer retention.ms',
  },
  ANM_CHECKPOINT_FAILED: {
    exit: 1,
    retryable: true,
    summary: 'As many checkpoints in a row as checkpoint.max_failures could not be stored.',
    hint: 'see to the store that checkpoint.store names; the pipeline then goes on from its last checkpoint',
  },
  ANM_STATE_DIRECTORY: {
    exit: 1,
    retryable: true,
    summary: 'The directory of the state cannot be read or written.',
    hint: 'check --state-dir: its rights, and the room on its disk',
  },
  ANM_STATE_MISSING: {
    exit: 5,
    retryable: false,
    summary: 'The group has committed offsets, and nothing says which state belongs to them.',
    hint: 'bring the checkpoint store back (checkpoint.store), or begin with empty windows by --fresh',
  },
  ...STORE_ERRORS,
  ...REGISTRY_ERRORS,
  ...TRAINING_ERRORS,
  ...MODEL_ERRORS,
  ANM_DATA_DIRECTORY: {
    exit: 1,
    retryable: true,
    summary: 'The directory of the embedded broker cannot be read or written.',
    hint: 'check --data: its rights, and the room on its disk',
  },
  ANM_DATA_LOCKED: {
    exit: 1,
    retryable: true,
    summary: 'Another process runs an embedded broker on this directory.',
    hint: 'stop the process that the message names, or choose another --data',
  },
  ANM_DATA_CORRUPT: {
    exit: 5,
    retryable: false,
    summary: 'A file of the embedded broker is damaged in a place that no crash explains.',
    hint: 'move the named file away, or start with another --data',
  },
  ANM_REDRIVE: {
    exit: 5,
    retryable: false,
    summary: 'Dead letters cannot be sent back as they are.',
    hint: 'anomaly dlq show prints them; the message says what stands against each',
  },
  ANM_PRODUCE: {
    exit: 1,
    retryable: true,
    summary: 'The broker refused records for a reason that repeating does not mend.',
    hint: 'the message names topic, partition and the broker error',
  },
  ANM_PROTOCOL: {
    exit: 1,
    retryable: false,
    summary: 'A peer answered something that the protocol does not allow here.',
    hint: 'anomaly doctor shows the API versions of the peer',
  },
  ANM_UNSUPPORTED: {
    exit: 2,
    retryable: false,
    summary: 'The peer, the client or this version of the tool cannot do that.',
    hint: 'anomaly doctor shows what works here',
  },
  ANM_CLIENT_MISSING: {
    exit: 2,
    retryable: false,
    summary: 'The native Kafka client is not installed or does not load on this runtime.',
    hint: 'use --client platformatic, or see anomaly doctor for how to install it',
  },
  ANM_PORT_IN_USE: {
    exit: 1,
    retryable: true,
    summary: 'The port is taken by another process.',
    hint: 'choose another --port, or 0 for any free one',
  },
  ANM_DEFINITION_MISMATCH: {
    exit: 2,
    retryable: false,
    summary: 'Live members of the group compute something else than this one would.',
    hint: 'give all members the same configuration, or choose another --pipeline or --group',
  },
  ANM_NOT_RUNNING: {
    exit: 1,
    retryable: true,
    summary: 'No live member of the pipeline is there to take a command.',
    hint: 'start it with anomaly run, and check --brokers and the name of the pipeline',
  },
  ANM_CONTROL: {
    exit: 1,
    retryable: true,
    summary: 'A member of the pipeline could not do what a control command asked for.',
    hint: 'anomaly control status PIPELINE shows the members, their logs say more',
  },
  ANM_RECORD_CRASH: {
    exit: 1,
    retryable: true,
    summary:
      'Processing a record threw an exception, which is a fault of the tool or of a definition, not of the data.',
    hint: 'run again with --debug and report the stack; restart.poison_after decides when the record is put aside',
  },
  ANM_WORKER: {
    exit: 1,
    retryable: true,
    summary: 'A worker of run --workers ended without a result.',
    hint: 'look at what it logged before; a lack of memory ends a worker without a word',
  },
  ANM_CHECK_FAILED: {
    exit: 6,
    retryable: false,
    summary: 'A check (doctor, lag --max-lag, probe, replay --verify) found something wrong.',
    hint: 'the rows marked fail say what to do',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_TABLE;
