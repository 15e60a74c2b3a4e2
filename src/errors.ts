/**
 * The one table of error codes. Exit code, retryability, hint, the page docs/errors.md and the tests derive from it.
 * Exit codes: 1 failure, 2 usage or configuration, 3 broker unreachable or timeout, 4 authentication, 5 bad data or
 * schema, 6 a check failed.
 */
export interface ErrorEntry {
  /** Process exit code when a command ends with this error. */
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6;
  /** Whether the same call may succeed later without a change by the user. */
  readonly retryable: boolean;
  /** What it means, one sentence. */
  readonly summary: string;
  /** What to try, one sentence; a throw site may give a more specific one. */
  readonly hint: string;
}

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
  ANM_RESUME: {
    exit: 5,
    retryable: false,
    summary: 'An interrupted load cannot go on: the source, the flags or the topic are not as they were.',
    hint: 'give the same inputs and flags as before, or load into another topic',
  },
  ANM_STATE_CORRUPT: {
    exit: 5,
    retryable: false,
    summary: 'A snapshot fails its checksum or does not belong to this pipeline.',
    hint: 'remove the named file, and start again with --start-empty',
  },
  ANM_STATE_INCOMPATIBLE: {
    exit: 5,
    retryable: false,
    summary: 'The snapshots are of a pipeline that computes something else.',
    hint: 'give the changed pipeline another --pipeline name, or go on with empty windows by --start-empty',
  },
  ANM_STATE_DIRECTORY: {
    exit: 1,
    retryable: true,
    summary: 'The directory of the snapshots cannot be read or written.',
    hint: 'check --state-dir: its rights, and the room on its disk',
  },
  ANM_STATE_MISSING: {
    exit: 5,
    retryable: false,
    summary: 'The group has committed offsets but the snapshot that belongs to them is not here.',
    hint: 'bring the snapshot back with --state-dir, or begin with empty windows by --start-empty',
  },
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
  ANM_CHECK_FAILED: {
    exit: 6,
    retryable: false,
    summary: 'A check (doctor, lag --max-lag, schema check) found something wrong.',
    hint: 'the rows marked fail say what to do',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export interface ErrorOptions {
  /** More specific advice than the table's. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Values and places (topic, partition, file, line), printed with -o json. */
  readonly details?: Readonly<Record<string, unknown>>;
}

const BRAND = Symbol.for('anomaly.error');

/** The only error class. `message` says what happened, with the value and the place; no final period. */
export class AnomalyError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AnomalyError';
    this.code = code;
    this.hint = options.hint ?? ERROR_TABLE[code].hint;
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return ERROR_TABLE[this.code].exit;
  }

  get retryable(): boolean {
    return ERROR_TABLE[this.code].retryable;
  }
}

/** Brand check: true across duplicated module instances, where instanceof is not. */
export function isAnomalyError(error: unknown): error is AnomalyError {
  return typeof error === 'object' && error !== null && (error as { [BRAND]?: true })[BRAND] === true;
}

/** An address for people, without what may be a password: `user:password@host`, with or without a scheme. */
export function withoutPassword(address: string): string {
  return address.replace(/^((?:[a-z][a-z0-9+.-]*:\/\/)?[^:@/]*):.*@/i, '$1:********@');
}
