import { AnomalyError } from '../../errors.ts';

const WORDS = {
  $windows: 'all windows of a micro-batch, as nested lists',
  $window: 'one window, so that each is a request of its own',
} as const;
type Word = keyof typeof WORDS;

/**
 * The body of a request to an HTTP endpoint: JSON in which the text "$windows" stands for all windows of a micro-batch, or
 * "$window" for a single one. "$$" at the beginning of a text is a dollar.
 */
export class RequestTemplate {
  /** Whether each window is a request of its own. */
  readonly isPerRow: boolean;
  /** What is written between the windows. */
  readonly #parts: readonly string[];

  /** @throws ANM_CONFIG */
  constructor(text: string) {
    let template: unknown;
    try {
      template = JSON.parse(text);
    } catch (cause) {
      throw wrong(text, `is no JSON: ${(cause as Error).message}`, cause);
    }
    const found = new Set<Word>();
    // No text of a JSON value has this sign unescaped, so it is only where a variable was.
    const mark = '\u0000';
    const written = write(template, (value) => {
      if (!value.startsWith('$')) return JSON.stringify(value);
      if (value.startsWith('$$')) return JSON.stringify(value.slice(1));
      if (!(value in WORDS)) {
        const known = Object.keys(WORDS).join(' and ');
        throw wrong(text, `has "${value}", and the variables are ${known}; "$${value}" is that text itself`);
      }
      found.add(value as Word);
      return mark;
    });
    if (found.size !== 1) {
      const what = found.size === 0 ? 'has no variable' : 'has both "$windows" and "$window"';
      throw wrong(text, `${what}: one of them says where the values go`);
    }
    this.isPerRow = found.has('$window');
    this.#parts = written.split(mark);
  }

  /** @param windows as JSON */
  fill(windows: string): string {
    return this.#parts.join(windows);
  }
}

function write(value: unknown, text: (value: string) => string): string {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${value.map((each) => write(each, text)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}:${write(each, text)}`);
  return `{${entries.join(',')}}`;
}

function wrong(text: string, why: string, cause?: unknown): AnomalyError {
  return new AnomalyError('ANM_CONFIG', `cannot use score.model.request ${text} as it ${why}`, {
    hint: `as {"instances": "$windows"}, where "$windows" is ${WORDS.$windows}; "$window" is ${WORDS.$window}`,
    ...(cause !== undefined && { cause }),
  });
}
