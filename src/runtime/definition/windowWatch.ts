import type { PipelineDefinition } from '../../engine/definition.ts';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';

/** Rows after which it is worth a word that none of them is scored. */
const ENOUGH_ROWS = 1000;
const SHOWN_NAMES = 10;

/** Notices windows that nobody scores: a window or an aggregate misspelt, or a field that is not named. */
export class WindowWatch {
  readonly #logger: Logger;
  readonly #names = new Set<string>();
  readonly #fields = new Set<string>();
  #rows = 0;
  #named = 0;
  #valued = 0;
  #said = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** A row of window `name`; whether it is the one to be scored, and whether it has the value to be scored. */
  row(name: string, isNamed: boolean, hasValue: boolean): void {
    this.#rows++;
    if (isNamed) this.#named++;
    else if (this.#names.size < SHOWN_NAMES) this.#names.add(name);
    if (hasValue) this.#valued++;
    if (this.#rows === ENOUGH_ROWS) this.warn();
  }

  /** A row of a field that is not scored. Rows of other windows pass by as a matter of course, these are worth a word. */
  passField(field: string): void {
    if (this.#fields.has(field)) return;
    this.#fields.add(field);
    this.#logger.warn(`windows of field ${field} are not scored: name it by --field ${field}`);
  }

  /** Says why nothing is scored, where that is so. */
  warn(on = 'score.on'): void {
    const reason = this.#reason();
    if (reason === undefined || this.#said) return;
    this.#said = true;
    this.#logger.warn(`nothing is scored: ${reason}; check ${on} (--on)`);
  }

  /** At the end of an input that was read as a whole. @throws ANM_CONFIG when nothing of it was scored */
  end(on: string): void {
    const reason = this.#reason();
    if (reason === undefined) return;
    throw new AnomalyError('ANM_CONFIG', `cannot score ${on}: ${reason}`, {
      hint: `--on names what is scored, as ${[...this.#names][0] ?? 'w5m'}.mean`,
      details: { key: 'score.on', value: on },
    });
  }

  #reason(): string | undefined {
    if (this.#rows === 0 || this.#valued > 0) return undefined;
    if (this.#named > 0) return `none of the ${this.#named} rows of the window has the value`;
    return `none of the ${this.#rows} windows has that name, they are of ${[...this.#names].join(', ')}`;
  }
}

/** The window whose rows are scored, an index into definition.windows, and its aggregate; undefined for records. */
export function scoredWindow(definition: PipelineDefinition): { window: number; aggregate: string } | undefined {
  const on = definition.score?.on;
  const of = on?.kind === 'feature' ? definition.features[on.feature]!.of : on;
  return of?.kind === 'aggregate' ? of : undefined;
}
