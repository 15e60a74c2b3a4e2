import { type Answer, HttpReceiver, type Reaction, type Received } from './httpReceiver.ts';

type Fields = Readonly<Record<string, unknown>>;

/** PagerDuty's Events API v2 as it is documented: whatever a field breaks of its rules is answered by 400 and kept. */
export class PagerDutyServer {
  readonly receiver = new HttpReceiver();
  /** Events that were accepted, in order. */
  readonly events: Fields[] = [];
  /** Why events were not. */
  readonly violations: string[] = [];
  /** Alerts that are open: dedup key -> routing key of the trigger. */
  readonly open = new Map<string, string>();
  /** All dedup keys ever triggered. */
  readonly keys = new Set<string>();
  /** In place of the answer, while it gives one. */
  fault: () => Reaction | null = () => null;
  readonly #routingKeys: ReadonlySet<string>;

  constructor(...routingKeys: readonly string[]) {
    this.#routingKeys = new Set(routingKeys);
    this.receiver.react = (received) => this.fault() ?? this.#take(received);
  }

  get url(): string {
    return this.receiver.url('/v2/enqueue');
  }

  #take(received: Received): Answer {
    const problems = problemsOf(received, this.#routingKeys, this.open);
    if (problems.length > 0) {
      this.violations.push(...problems);
      return json(400, { status: 'invalid event', message: 'Event object is invalid', errors: problems });
    }
    const event = JSON.parse(received.body) as Fields;
    const key = String(event['dedup_key'] ?? `made-${this.events.length}`);
    this.events.push(event);
    if (event['event_action'] === 'trigger') {
      this.keys.add(key);
      this.open.set(key, String(event['routing_key']));
    } else if (event['event_action'] === 'resolve') {
      this.open.delete(key);
    }
    return json(202, { status: 'success', message: 'Event processed', dedup_key: key });
  }
}

function json(status: number, body: unknown): Answer {
  return { status, text: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

const TOP = ['routing_key', 'event_action', 'dedup_key', 'payload', 'images', 'links', 'client', 'client_url'];
const PAYLOAD = ['summary', 'source', 'severity', 'timestamp', 'component', 'group', 'class', 'custom_details'];

function problemsOf(
  { method, path, headers, body }: Received,
  routingKeys: ReadonlySet<string>,
  open: ReadonlyMap<string, string>,
): string[] {
  if (method !== 'POST' || path !== '/v2/enqueue') return [`${method} ${path} is no operation`];
  if (!/^application\/json/.test(headers['content-type'] ?? '')) return ['content-type is not application/json'];
  if (Buffer.byteLength(body) > 512 * 1024) return ['the event is above 512 KB'];
  let event: Fields;
  try {
    event = JSON.parse(body);
  } catch {
    return ['the body is no JSON'];
  }
  const problems: string[] = [];
  const check = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  const { routing_key: routingKey, event_action: action, dedup_key: key, payload, links } = event;
  for (const name of Object.keys(event)) check(TOP.includes(name), `${name} is no field`);
  check(isText(routingKey, 32, 32), 'routing_key has not 32 characters');
  check(routingKeys.has(String(routingKey)), 'routing_key is of no integration');
  check(['trigger', 'acknowledge', 'resolve'].includes(String(action)), `event_action is ${action}`);
  check(key === undefined || isText(key, 1, 255), 'dedup_key has not 1 to 255 characters');
  if (action !== 'trigger') {
    check(key !== undefined, `${action} without a dedup_key`);
    const trigger = open.get(String(key));
    check(trigger === undefined || trigger === routingKey, 'routing_key is not that of the trigger');
  } else {
    problems.push(...problemsOfPayload(payload as Fields | undefined));
  }
  for (const link of (links as Fields[] | undefined) ?? []) {
    check(URL.canParse(String(link['href'])) && isText(link['text'], 1), 'a link without href or text');
  }
  check(event['client_url'] === undefined || URL.canParse(String(event['client_url'])), 'client_url is no address');
  return problems;
}

function problemsOfPayload(payload: Fields | undefined): string[] {
  if (typeof payload !== 'object' || payload === null) return ['payload is missing'];
  const problems: string[] = [];
  const check = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  for (const name of Object.keys(payload)) check(PAYLOAD.includes(name), `payload.${name} is no field`);
  check(isText(payload['summary'], 1, 1024), 'payload.summary has not 1 to 1024 characters');
  check(isText(payload['source'], 1), 'payload.source is missing');
  const severities = ['critical', 'error', 'warning', 'info'];
  check(severities.includes(String(payload['severity'])), `payload.severity is ${payload['severity']}`);
  const time = payload['timestamp'];
  const isTime = typeof time === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)$/.test(time);
  check(time === undefined || isTime, 'payload.timestamp is no time of ISO 8601');
  for (const name of ['component', 'group', 'class']) {
    check(payload[name] === undefined || isText(payload[name], 0), `payload.${name} is no text`);
  }
  const details = payload['custom_details'];
  check(
    details === undefined || (typeof details === 'object' && details !== null),
    'payload.custom_details is no object',
  );
  return problems;
}

function isText(value: unknown, least: number, most = Infinity): boolean {
  return typeof value === 'string' && value.length >= least && value.length <= most;
}
