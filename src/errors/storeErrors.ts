import type { ErrorEntry } from './errorEntry.ts';

/** The rows of checkpoints and of the stores that keep them. */
export const STORE_ERRORS = {
  ANM_CHECKPOINT_UNKNOWN: {
    exit: 2,
    retryable: false,
    summary: 'The store has no such checkpoint or savepoint.',
    hint: 'anomaly checkpoint ls lists what it has',
  },
  ANM_GROUP_RUNNING: {
    exit: 1,
    retryable: true,
    summary: 'The group has members, and what was asked for needs it stopped.',
    hint: 'stop the pipeline first',
  },
  ANM_GROUP_HAS_STATE: {
    exit: 2,
    retryable: false,
    summary: 'The group is of a pipeline of this tool, whose state and journal belong to its offsets.',
    hint: 'anomaly checkpoint restore takes state and offsets back together; --confirm GROUP sets the offsets all the same',
  },
  ANM_STORE_UNREACHABLE: {
    exit: 3,
    retryable: true,
    summary: 'The store of checkpoints or models cannot be reached, or fails at its own end.',
    hint: 'check checkpoint.store or models.registry, the endpoint (checkpoint.s3.endpoint), and that the service runs',
  },
  ANM_STORE_TIMEOUT: {
    exit: 3,
    retryable: true,
    summary: 'The store of checkpoints or models did not answer within checkpoint.request_timeout.',
    hint: 'raise checkpoint.request_timeout, or look at the load of the store',
  },
  ANM_STORE_FULL: {
    exit: 1,
    retryable: true,
    summary: 'The store of checkpoints or models has no room left: a full disk, or a quota.',
    hint: 'make room, lower checkpoint.retain, or remove old ones with anomaly checkpoint prune',
  },
  ANM_STORE_DENIED: {
    exit: 4,
    retryable: false,
    summary:
      'The store of checkpoints or models refuses: wrong credentials, missing rights, a read-only place, a skewed clock.',
    hint: 'the message has what the store said; check the credentials and the rights to write there',
  },
  ANM_STORE_MISSING: {
    exit: 2,
    retryable: false,
    summary: 'The bucket or directory of checkpoints or models does not exist.',
    hint: 'create it, or correct checkpoint.store or models.registry',
  },
} as const satisfies Record<string, ErrorEntry>;
