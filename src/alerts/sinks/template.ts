import { AnomalyError } from '../../errors.ts';
import type { Outgoing } from '../delivery/sink.ts';
import { notificationJson } from './notificationJson.ts';

/** Names that a template may have: those of the notification as JSON. */
const NAMES = [
  ...['id', 'revision', 'status', 'severity', 'kind', 'pipeline', 'summary', 'reasons', 'rule', 'series'],
  ...['series_count', 'value', 'expected', 'lower', 'upper', 'score', 'alerts', 'started_at', 'updated_at'],
  ...['ended_at', 'look', 'test', 'version'],
];

/** {name}, or {{ for a brace. */
const SIGN = /\{\{|\{([a-z_]*)\}/g;

/**
 * The body of a webhook: JSON whose texts may have {name} in them. A text that is nothing but {name} becomes the value
 * with its type; in longer texts it is put in as text. Values become JSON after that, so none can break out of its text.
 */
export class BodyTemplate {
  readonly #template: unknown;

  /** @param of the key, for messages. @throws ANM_CONFIG */
  constructor(text: string, of: string) {
    try {
      this.#template = JSON.parse(text);
    } catch (cause) {
      throw wrong(of, `is no JSON: ${(cause as Error).message}`, cause);
    }
    checkTexts(this.#template, of);
  }

  fill(outgoing: Outgoing, test: boolean): string {
    return JSON.stringify(filled(this.#template, notificationJson(outgoing, test)));
  }
}

/** An address with {name} in it; values are escaped, so they stay where they are put. */
export class LinkTemplate {
  readonly #text: string;

  /** @throws ANM_CONFIG */
  constructor(text: string, of: string) {
    checkTexts(text, of);
    if (!/^https?:\/\/[^/{]+(\/|$)/i.test(text))
      throw wrong(of, 'is no address of http or https with a host of its own');
    this.#text = text;
  }

  fill(outgoing: Outgoing, test: boolean): string {
    const values = notificationJson(outgoing, test);
    return this.#text.replace(SIGN, (sign, name: string | undefined) =>
      sign === '{{' ? '{' : encodeURIComponent(wellFormed(textOf(values[name!]))),
    );
  }
}

function filled(template: unknown, values: Readonly<Record<string, unknown>>): unknown {
  if (typeof template === 'string') {
    const whole = /^\{([a-z_]*)\}$/.exec(template);
    if (whole !== null) return values[whole[1]!] ?? null;
    return template.replace(SIGN, (sign, name: string | undefined) => (sign === '{{' ? '{' : textOf(values[name!])));
  }
  if (Array.isArray(template)) return template.map((each) => filled(each, values));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, each]) => [key, filled(each, values)]));
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** Half a character cannot be escaped, and becomes a sign for what is unknown. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

function checkTexts(template: unknown, of: string): void {
  if (typeof template === 'string') {
    for (const [sign, name] of template.matchAll(SIGN)) {
      if (sign === '{{' || NAMES.includes(name!)) continue;
      throw wrong(of, `has ${sign}, and the names are ${NAMES.join(', ')}`);
    }
  } else if (typeof template === 'object' && template !== null) {
    for (const each of Object.values(template)) checkTexts(each, of);
  }
}

function wrong(of: string, why: string, cause?: unknown): AnomalyError {
  return new AnomalyError('ANM_CONFIG', `${of} ${why}`, {
    hint: 'docs/delivery.md has examples of templates',
    ...(cause !== undefined && { cause }),
  });
}
