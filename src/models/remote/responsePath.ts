import { AnomalyError } from '../../errors.ts';
import { numbersIn } from './answerJson.ts';

/** A name, a place in a list, or null for each entry of one. */
type Step = string | number | null;

const STEP = /\.?([A-Za-z_$][\w$-]*)|\[(\d+)\]|\[(\*)\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** Where the numbers are in an answer: `predictions[*].score`, `outputs[0].data`, `["a name"]`; empty: the answer itself. */
export class ResponsePath {
  readonly text: string;
  readonly #steps: readonly Step[];

  /** @throws ANM_CONFIG */
  constructor(text: string) {
    this.text = text;
    this.#steps = stepsOf(text.trim());
  }

  /** The numbers there, in their order; undefined where there is no such place, or anything else at it. */
  numbers(answer: unknown): number[] | undefined {
    let found: unknown[] = [answer];
    for (const step of this.#steps) {
      const next: unknown[] = [];
      for (const value of found) {
        if (step === null) {
          if (!Array.isArray(value)) return undefined;
          // One by one: a long list has more entries than a call takes arguments.
          for (const each of value) next.push(each);
        } else if (typeof step === 'number') {
          if (!Array.isArray(value) || step >= value.length) return undefined;
          next.push(value[step]);
        } else {
          if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
          if (!Object.hasOwn(value, step)) return undefined;
          next.push((value as Record<string, unknown>)[step]);
        }
      }
      found = next;
    }
    return numbersIn(found);
  }
}

function stepsOf(text: string): Step[] {
  const steps: Step[] = [];
  // As JSONPath begins.
  let at = /^\$(?=[.[]|$)/.test(text) ? 1 : 0;
  while (at < text.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(text);
    if (match === null) {
      throw new AnomalyError(
        'ANM_CONFIG',
        `cannot use score.model.response ${text} as a path as it ends at "${text.slice(at)}"`,
        {
          hint: 'names with dots between them, [0] for a place in a list, [*] for each of its entries: predictions[*].score',
        },
      );
    }
    const [whole, name, index, each, quoted] = match;
    if (name !== undefined) steps.push(name);
    else if (index !== undefined) steps.push(Number(index));
    else if (each !== undefined) steps.push(null);
    else steps.push(JSON.parse(quoted!) as string);
    at += whole.length;
  }
  return steps;
}
