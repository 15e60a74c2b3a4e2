import type { ErrorEntry } from './errorEntry.ts';

/** The rows of the model registry. */
export const REGISTRY_ERRORS = {
  ANM_MODEL_UNKNOWN: {
    exit: 2,
    retryable: false,
    summary: 'The model registry, or the model server, has no such model, version or alias.',
    hint: 'anomaly model ls lists models and aliases, anomaly model show NAME the versions of one',
  },
  ANM_MODEL_CONFLICT: {
    exit: 1,
    retryable: true,
    summary: 'An alias is not at the version that the change was made for: somebody else has set it.',
    hint: 'look at it with anomaly model show NAME@ALIAS, then decide again',
  },
  ANM_MODEL_IN_USE: {
    exit: 1,
    retryable: false,
    summary: 'A version cannot be removed while an alias points at it.',
    hint: 'promote another version to the alias first',
  },
  ANM_MODEL_CORRUPT: {
    exit: 5,
    retryable: false,
    summary: 'A file of the model registry is damaged, gone, or not of this tool.',
    hint: 'add the model again under a new version',
  },
  ANM_MODEL_REGISTRY: {
    exit: 3,
    retryable: true,
    summary: 'The MLflow server of the model registry cannot be reached, is too slow, or fails.',
    hint: 'check models.registry, and that the server runs; models.request_timeout is the time for one answer',
  },
} as const satisfies Record<string, ErrorEntry>;
