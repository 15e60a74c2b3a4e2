/** Why a request is refused: answered as `{"error": message}` with this status, as the protocol has it. */
export class RequestError extends Error {
  /** 400 not of the protocol or not for this model, 404, 413 too large, 429 too many, 503 not at the moment. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
  }
}
