import { AnomalyError } from '../../errors.ts';
import { networkFault } from '../../stores/storeErrors.ts';
import { MODEL_ANSWER, startOf } from './answerJson.ts';

/** What was being done, for messages. */
export interface Exchange {
  /** As `POST http://host:port/path`. */
  readonly doing: string;
  readonly host: string;
}

/** An answer with a status that is not 2xx. */
export interface Refusal {
  readonly status: number;
  readonly statusText: string;
  readonly location: string | undefined;
  readonly text: string;
}

export function refused({ doing }: Exchange, { status, statusText, location, text }: Refusal): AnomalyError {
  const words = wordsOf(text);
  const said = `${status}${statusText === '' ? '' : ` ${statusText}`}${words === '' ? '' : `: ${words}`}`;
  const details = { status };
  if (location !== undefined && status >= 300 && status < 400) {
    return new AnomalyError('ANM_PROTOCOL', `cannot ${doing} as it answers ${said}`, {
      hint: 'no redirect is followed: give the address that the server redirects to',
      details,
    });
  }
  const [code, hint] = kindOf(status);
  return new AnomalyError(code, `cannot ${doing} as it answers ${said}`, { hint, details });
}

function kindOf(
  status: number,
): ['ANM_AUTHENTICATION' | 'ANM_AUTHORIZATION' | 'ANM_MODEL_UNKNOWN' | 'ANM_PROTOCOL' | 'ANM_MODEL_SERVER', string] {
  if (status === 401) return ['ANM_AUTHENTICATION', 'give the credentials of the model server as score.model.headers'];
  if (status === 403) return ['ANM_AUTHORIZATION', 'the credentials in score.model.headers do not allow that'];
  if (status === 404)
    return ['ANM_MODEL_UNKNOWN', 'see whether score.model.uri names the model and version that the server has'];
  if (status >= 500 || status === 429 || status === 408) {
    return ['ANM_MODEL_SERVER', "the words are the server's; see its log"];
  }
  return ['ANM_PROTOCOL', 'the server does not take what it is sent; see score.model.input and score.model.request'];
}

/** Nothing came, or not in time. */
export function noAnswer({ doing, host }: Exchange, cause: unknown, isAborted: boolean): AnomalyError {
  if (isAborted) {
    const why = cause instanceof Error && cause.name === 'TimeoutError' ? cause.message : 'it was given up';
    return new AnomalyError('ANM_MODEL_SERVER', `cannot ${doing} as ${why}`, { cause });
  }
  const fault = networkFault(cause, host);
  const message = `cannot ${doing} as ${fault?.reason ?? (cause instanceof Error ? cause.message : String(cause))}`;
  return fault?.code === 'ANM_TLS'
    ? new AnomalyError('ANM_TLS', message, {
        hint: 'give the certificate authority as score.model.ca, or see whether the address is http or https',
        cause,
      })
    : new AnomalyError('ANM_MODEL_SERVER', message, { cause });
}

export function brokeOff({ doing }: Exchange): AnomalyError {
  return new AnomalyError('ANM_MODEL_SERVER', `cannot ${doing} as the answer broke off`);
}

export function answerTooLarge({ doing }: Exchange, most: number): AnomalyError {
  return new AnomalyError('ANM_MODEL_OUTPUT', `cannot ${doing} as the answer has more than ${most} bytes`);
}

/** Where servers put what went wrong: the inference protocol and TensorFlow Serving in error, FastAPI in detail. */
function wordsOf(text: string): string {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Python says what went wrong at the end.
    const isTraceback = text.startsWith('Traceback (most recent call last)');
    return startOf(isTraceback ? text.trimEnd().split('\n').at(-1)! : text, MODEL_ANSWER);
  }
  if (typeof answer !== 'object' || answer === null) return startOf(text, MODEL_ANSWER);
  const { error, detail, message } = answer as Record<string, unknown>;
  const found = error ?? detail ?? message;
  if (typeof found === 'string') return startOf(found, MODEL_ANSWER);
  if (Array.isArray(found)) {
    const each = found.map((one) => {
      const { loc, msg } = (one ?? {}) as { loc?: unknown; msg?: unknown };
      return typeof msg === 'string' ? `${Array.isArray(loc) ? `${loc.join('.')}: ` : ''}${msg}` : JSON.stringify(one);
    });
    return startOf(each.join('; '), MODEL_ANSWER);
  }
  return startOf(text, MODEL_ANSWER);
}
