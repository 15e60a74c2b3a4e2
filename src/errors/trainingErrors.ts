import type { ErrorEntry } from './errorEntry.ts';

/** The rows of training models and of making them smaller. */
export const TRAINING_ERRORS = {
  ANM_TRAINING_DATA: {
    exit: 5,
    retryable: false,
    summary: 'There is too little data to train with, or it does not vary.',
    hint: 'take more data by another SOURCE or --offset; the message says how much is needed',
  },
  ANM_TRAINING_DIVERGED: {
    exit: 1,
    retryable: false,
    summary: 'Training came to a loss that is no number.',
    hint: 'give --scaling standard or residual, or a smaller --learning-rate',
  },
  ANM_MODEL_OPTIMIZE: {
    exit: 2,
    retryable: false,
    summary: 'A model has nothing that can be quantized or pruned, or a part that stands against it.',
    hint: 'the message names the operator; a model runs as it is, too',
  },
} as const satisfies Record<string, ErrorEntry>;
