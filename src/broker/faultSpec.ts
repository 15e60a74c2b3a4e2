import { AnomalyError } from '../errors.ts';
import { CRASH_POINTS, type CrashPoint, type Fault } from './faults.ts';
import { APIS, type ApiName, apiName } from './protocol/apis.ts';
import { KafkaError } from './protocol/errorCodes.ts';

/** The grammar, for help and messages. */
export const FAULT_GRAMMAR =
  'API:KEY=VALUE,... with API a name (Produce), a number (0) or *; one or more of error=NAME|CODE, delay=250ms, ' +
  `drop=before|after, crash=${CRASH_POINTS.join('|')}; and count=N, skip=N, probability=0..1, seed=N`;

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m)?$/;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000 } as const;
const KEYS = ['error', 'delay', 'drop', 'crash', 'count', 'skip', 'probability', 'seed'] as const;
type Key = (typeof KEYS)[number];

/**
 * Reads `--fault` texts. @throws AnomalyError ANM_USAGE with the path of the key: `fault[1].delay`
 */
export function parseFaults(specs: readonly string[]): Fault[] {
  return specs.map((spec, i) => parseFault(spec, `fault[${i}]`));
}

function parseFault(spec: string, path: string): Fault {
  const colon = spec.indexOf(':');
  if (colon < 0) throw problem(path, `"${spec}" has no colon`);
  const fault: { -readonly [K in keyof Fault]: Fault[K] } = { api: apiOfText(spec.slice(0, colon), path) };
  const seen = new Set<string>();
  for (const part of spec.slice(colon + 1).split(',')) {
    const [key, value] = pairOf(part, path);
    if (seen.has(key)) throw problem(`${path}.${key}`, 'it is given twice');
    seen.add(key);
    Object.assign(fault, READERS[key](value, `${path}.${key}`));
  }
  const { errorCode, delayMs, drop, crash } = fault;
  if (errorCode === undefined && delayMs === undefined && drop === undefined && crash === undefined) {
    throw problem(path, 'it does nothing: error, delay, drop or crash is wanted');
  }
  if (errorCode !== undefined && (drop !== undefined || crash !== undefined)) {
    throw problem(`${path}.error`, 'an error is answered, so it goes with neither drop nor crash');
  }
  if (drop !== undefined && crash !== undefined) throw problem(`${path}.drop`, 'drop and crash exclude each other');
  if (crash === 'torn' && fault.api !== 'Produce') throw problem(`${path}.crash`, 'only Produce can be torn');
  return fault;
}

function apiOfText(text: string, path: string): ApiName | '*' {
  if (text === '*') return '*';
  const name = /^\d+$/.test(text) ? apiName(Number(text)) : text in APIS ? (text as ApiName) : undefined;
  if (name === undefined)
    throw problem(`${path}.api`, `there is no API "${text}"; known are ${Object.keys(APIS).join(', ')}`);
  return name;
}

function pairOf(part: string, path: string): readonly [Key, string] {
  const at = part.indexOf('=');
  const key = at < 0 ? part : part.slice(0, at);
  if (!(KEYS as readonly string[]).includes(key))
    throw problem(`${path}.${key}`, `there is no such key; known are ${KEYS.join(', ')}`);
  if (at < 0) throw problem(`${path}.${key}`, 'it has no value');
  return [key as Key, part.slice(at + 1)];
}

const READERS: Readonly<Record<Key, (value: string, path: string) => Partial<Fault>>> = {
  error: (value, path) => ({ errorCode: errorCodeOf(value, path) }),
  delay: (value, path) => ({ delayMs: delayOf(value, path) }),
  drop: (value, path) => ({ drop: choice(value, ['before', 'after'] as const, path) }),
  crash: (value, path) => ({ crash: choice<CrashPoint>(value, CRASH_POINTS, path) }),
  count: (value, path) => ({ count: integer(value, 1, path) }),
  skip: (value, path) => ({ skip: integer(value, 0, path) }),
  probability: (value, path) => {
    const probability = value.trim() === '' ? Number.NaN : Number(value);
    if (!(probability > 0 && probability <= 1)) throw problem(path, `it is above 0 and at most 1, not "${value}"`);
    return { probability };
  },
  seed: (value, path) => ({ seed: integer(value, 0, path) }),
};

function errorCodeOf(value: string, path: string): number {
  const code = /^-?\d+$/.test(value) ? Number(value) : (KafkaError as Readonly<Record<string, number>>)[value];
  if (code === undefined || code === 0 || code < -1 || code > 32767) {
    throw problem(path, `"${value}" is no error: a name such as NOT_LEADER_OR_FOLLOWER, or a code of the protocol`);
  }
  return code;
}

function delayOf(value: string, path: string): number {
  const match = DURATION.exec(value);
  if (match === null) throw problem(path, `"${value}" is no duration such as 250ms or 2s`);
  return Number(match[1]) * UNIT_MS[(match[2] ?? 'ms') as keyof typeof UNIT_MS];
}

function integer(value: string, least: number, path: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < least) {
    throw problem(path, `it is a whole number from ${least} on, not "${value}"`);
  }
  return number;
}

function choice<T extends string>(value: string, choices: readonly T[], path: string): T {
  const found = choices.find((one) => one === value);
  if (found === undefined) throw problem(path, `it is one of ${choices.join(', ')}, not "${value}"`);
  return found;
}

function problem(path: string, reason: string): AnomalyError {
  return new AnomalyError('ANM_USAGE', `cannot use ${path}: ${reason}`, { hint: FAULT_GRAMMAR });
}
