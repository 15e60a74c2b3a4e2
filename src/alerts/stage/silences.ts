/** A silence as Alertmanager knows one: it holds for what all its matchers match, from its start to its end. */
export interface Silence {
  readonly id: string;
  readonly matchers: readonly Matcher[];
  /** Epoch milliseconds. */
  readonly startsMs: number;
  readonly endsMs: number;
  /** user@host. */
  readonly by: string;
  readonly comment: string;
}

export interface Matcher {
  readonly name: Label;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

/** What matchers may ask for. */
export const LABELS = ['series', 'rule', 'pipeline', 'severity', 'kind'] as const;
export type Label = (typeof LABELS)[number];
export type Labels = Readonly<Record<Label, string>>;

/** series=x, series!=x, series=~x, series!~x; a value may stand in double quotes. */
export function parseMatcher(text: string): Matcher | { readonly problem: string } {
  const found = /^\s*([A-Za-z_]+)\s*(=~|!~|!=|=)\s*(.*?)\s*$/s.exec(text);
  if (found === null) return { problem: `${text} is no matcher: give one as series=pump-7 or rule=~"kpi.*"` };
  const [, word, sign, quoted] = found;
  const name = LABELS.find((label) => label === word);
  if (name === undefined) return { problem: `${word} is nothing to match by: ${LABELS.join(', ')}` };
  const value = /^".+"$|^""$/s.test(quoted!) ? unquoted(quoted!) : quoted!;
  const isRegex = sign!.endsWith('~');
  if (isRegex && regexOf(value) === null) return { problem: `${value} is no regular expression` };
  return { name, value, isRegex, isEqual: !sign!.startsWith('!') };
}

/** A text in double quotes with JSON's escapes; as it stands where those are none, as in "pump-\d+". */
function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1);
  }
}

export function matcherText({ name, value, isRegex, isEqual }: Matcher): string {
  const sign = isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=';
  return `${name}${sign}${JSON.stringify(value)}`;
}

/** The silences that are known, by id. */
export class Silences {
  readonly #byId = new Map<string, { readonly silence: Silence; readonly tests: readonly MatcherTest[] }>();

  set(silence: Silence): void {
    this.#byId.set(silence.id, { silence, tests: silence.matchers.map(testOf) });
  }

  remove(id: string): void {
    this.#byId.delete(id);
  }

  /** Drops those that ended before. */
  prune(beforeMs: number): void {
    for (const [id, { silence }] of this.#byId) if (silence.endsMs < beforeMs) this.#byId.delete(id);
  }

  /** Of those that hold at the time, the one that ends last; undefined where none does. */
  of(labels: Labels, atMs: number): Silence | undefined {
    let found: Silence | undefined;
    for (const { silence, tests } of this.#byId.values()) {
      const holds = silence.startsMs <= atMs && atMs < silence.endsMs && tests.every((test) => test(labels));
      if (holds && (found === undefined || silence.endsMs > found.endsMs)) found = silence;
    }
    return found;
  }
}

type MatcherTest = (labels: Labels) => boolean;

function testOf({ name, value, isRegex, isEqual }: Matcher): MatcherTest {
  if (!isRegex) return (labels) => (labels[name] === value) === isEqual;
  const regex = regexOf(value);
  // Nothing is silenced by what cannot be read.
  return regex === null ? () => false : (labels) => regex.test(labels[name]) === isEqual;
}

/** Anchored at both ends, as Prometheus and Alertmanager do. */
function regexOf(text: string): RegExp | null {
  try {
    return new RegExp(`^(?:${text})$`, 's');
  } catch {
    return null;
  }
}
