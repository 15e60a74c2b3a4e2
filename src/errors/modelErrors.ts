import type { ErrorEntry } from './errorEntry.ts';

/** The rows of model files and of the runtimes that run them. */
export const MODEL_ERRORS = {
  ANM_MODEL_FILE: {
    exit: 5,
    retryable: false,
    summary: 'A model file is missing, damaged, or in another format than ONNX.',
    hint: 'give an ONNX file; the message says what the file is, where that is known',
  },
  ANM_MODEL_EXTERNAL_DATA: {
    exit: 5,
    retryable: false,
    summary: 'The weights that an ONNX file keeps in files beside it are missing, too short, or outside its folder.',
    hint: 'keep the data files where the exporter wrote them, in the folder of the .onnx file or below it',
  },
  ANM_MODEL_TOO_LARGE: {
    exit: 5,
    retryable: false,
    summary: 'The weights of a model do not fit into the memory that its runtime can have.',
    hint: 'quantize the model, or serve it elsewhere and score by oip+http://HOST/MODEL',
  },
  ANM_MODEL_UNSUPPORTED: {
    exit: 5,
    retryable: false,
    summary: 'A model has an operator, a type or an opset that the runtime cannot run.',
    hint: 'export it again without what the message names',
  },
  ANM_MODEL_SPEC: {
    exit: 2,
    retryable: false,
    summary: 'What the configuration says of a model, and what its file says, do not go together.',
    hint: 'correct score.model.input and score.model.output; the message has both sides',
  },
  ANM_MODEL_RUNTIME: {
    exit: 2,
    retryable: false,
    summary: 'The runtime for ONNX models that was asked for is not installed, or does not load here.',
    hint: 'set score.model.runtime: web, which is always installed',
  },
  ANM_MODEL_FAILED: {
    exit: 1,
    retryable: true,
    summary: 'A model failed on an input.',
    hint: 'the message has what its runtime said',
  },
  ANM_MODEL_SERVER: {
    exit: 3,
    retryable: true,
    summary: 'A server that has a model cannot be reached, is too slow, or fails.',
    hint: 'check score.model.uri, and that the server runs',
  },
  ANM_MODEL_OUTPUT: {
    exit: 5,
    retryable: false,
    summary: 'The answer of a model server has no scores for the windows that it was sent.',
    hint: 'the message has what came; see score.model.output and score.model.response',
  },
  ANM_MODEL_WORKER: {
    exit: 1,
    retryable: true,
    summary: 'The thread that runs a model ended, or did not answer in time and was ended.',
    hint: 'a lack of memory ends a thread without a word; it is started again by itself',
  },
} as const satisfies Record<string, ErrorEntry>;
