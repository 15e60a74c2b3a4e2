import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { ClientOptions } from '../client.ts';
import { type Contact, NO_CONTACT } from '../contact.ts';
import { credentialsRefused } from '../explainFailure.ts';
import { brokersUnreachable, protocolFailure, requestTimedOut, topicMissing } from '../kafkaErrors.ts';
import type { NativeClient, NativeError } from './binding.ts';

/** librdkafka's own error codes that mean something particular here (rdkafka.h, rd_kafka_resp_err_t). */
export const NativeCode = {
  transport: -195,
  resolve: -193,
  messageTimedOut: -192,
  unknownPartition: -190,
  unknownTopic: -188,
  allBrokersDown: -187,
  timedOut: -185,
  queueFull: -184,
  assignPartitions: -175,
  revokePartitions: -174,
  authentication: -169,
  noOffset: -168,
  timedOutQueue: -166,
  fenced: -144,
  autoOffsetReset: -140,
} as const;

const UNREACHABLE = new Set<number>([NativeCode.transport, NativeCode.resolve, NativeCode.allBrokersDown]);
const TIMED_OUT = new Set<number>([NativeCode.timedOut, NativeCode.messageTimedOut, NativeCode.timedOutQueue]);

/** No broker answered yet: another attempt may reach one. */
export function isUnanswered(error: NativeError): boolean {
  return UNREACHABLE.has(error.code) || TIMED_OUT.has(error.code);
}

/**
 * What librdkafka tells in events, kept for the moment when a call fails: the call itself often says no more than
 * 'timed out' or 'broker transport failure'.
 */
export class ErrorLog {
  #authentication: string | null = null;
  #reasons: string[] = [];
  #onAllDown: () => void = () => {};
  readonly #contact: Contact;
  /** Responses so far, by instance of librdkafka. */
  readonly #received = new Map<string, number>();

  constructor(contact: Contact = NO_CONTACT) {
    this.#contact = contact;
  }

  /** By event. */
  get handlers(): Record<string, (...args: never[]) => void> {
    return { 'event.error': this.onError, 'event.log': this.onLog, 'event.stats': this.onStats };
  }

  listen(client: Pick<NativeClient, 'on'>): void {
    for (const [event, handler] of Object.entries(this.handlers)) client.on(event, handler);
  }

  /** For 'event.error'. */
  readonly onError = (error: NativeError): void => {
    const reason = reasonOf(error.message);
    // The log says more than 'authentication failure', and says it first.
    if (error.code === NativeCode.authentication || SASL_FAILED.test(reason)) this.#authentication ??= reason;
    if (ALL_DOWN.test(reason)) this.#onAllDown();
  };

  /** Resolves when the next event tells that no broker is connected; the events do not say why. */
  allDown(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAllDown = resolve;
    });
  }

  /** The broker refused user, password or token; null where no event has told so. */
  refusal(options: ClientOptions): AnomalyError | null {
    return this.#authentication === null ? null : authenticationFailure(this.#authentication, options);
  }

  /** For 'event.log': the log has the address and the system's reason, which the error events have lost. */
  readonly onLog = ({ fac, message }: { fac: string; message: string }): void => {
    if (fac !== 'FAIL' && fac !== 'ERROR') return;
    const reason = reasonOf(message);
    if (SASL_FAILED.test(reason)) this.#authentication = reason;
    if (!this.#reasons.includes(reason)) this.#reasons.push(reason);
    if (this.#reasons.length > MAX_REASONS) this.#reasons.shift();
  };

  /** For 'event.stats': JSON, as STATISTICS.md of librdkafka has it. */
  readonly onStats = ({ message }: { message: string }): void => {
    const { name, rx, brokers } = JSON.parse(message) as NativeStats;
    if (rx > (this.#received.get(name) ?? 0)) this.#contact.answered();
    // Which looks no further back than the statistics before.
    else if (isDown(Object.values(brokers))) this.#contact.failed(this.#reasons.at(-1) ?? 'no broker is connected', 0);
    this.#received.set(name, rx);
  };

  /** What went wrong while connecting. */
  connectFailure(error: NativeError, options: ClientOptions, dialTimeoutMs: number): AnomalyError {
    if (isAnomalyError(error)) return error;
    if (this.#authentication !== null || error.code === NativeCode.authentication) {
      return authenticationFailure(this.#authentication ?? reasonOf(error.message), options, error);
    }
    if (UNREACHABLE.has(error.code) || TIMED_OUT.has(error.code)) {
      return brokersUnreachable(options.brokers, dialTimeoutMs, this.#reasons, error);
    }
    return nativeFailure(error, `connect to ${options.brokers.join(', ')}`, 'dial_timeout', dialTimeoutMs);
  }

  /** A call's failure, told by what the events said before. */
  callFailure(
    error: NativeError,
    action: string,
    setting: string,
    timeoutMs: number,
    options: ClientOptions,
  ): AnomalyError {
    if (isAnomalyError(error)) return error;
    if (this.#authentication !== null) return authenticationFailure(this.#authentication, options, error);
    return nativeFailure(error, action, setting, timeoutMs);
  }
}

interface NativeStats {
  readonly name: string;
  readonly rx: number;
  readonly brokers: Readonly<Record<string, { readonly state: string }>>;
}

/** Brokers that nothing was asked of yet are INIT. */
function isDown(brokers: NativeStats['brokers'][string][]): boolean {
  return brokers.every(({ state }) => state !== 'UP') && brokers.some(({ state }) => state !== 'INIT');
}

const MAX_REASONS = 8;
const ALL_DOWN = /all broker connections are down/i;
const SASL_FAILED = /sasl.*(fail|error|invalid)|authentication fail/i;

function authenticationFailure(reason: string, options: ClientOptions, cause?: NativeError): AnomalyError {
  const address = options.brokers.join(', ');
  const said = reason.replace(/^\S+:\d+: /, '').replace(/^SASL authentication error: /, '');
  if (options.sasl !== undefined) return credentialsRefused(address, options.sasl, said, cause);
  return new AnomalyError('ANM_AUTHENTICATION', `cannot log in to ${address} without SASL: ${said}`, { cause });
}

/** A failure of librdkafka as the tool's error; the broker's codes go by the common table. */
export function nativeFailure(error: NativeError, action: string, setting: string, timeoutMs: number): AnomalyError {
  if (isAnomalyError(error)) return error;
  if (typeof error.code === 'number' && error.code > 0) return protocolFailure(error.code, action);
  if (TIMED_OUT.has(error.code)) return requestTimedOut(action, setting, timeoutMs, error);
  if (UNREACHABLE.has(error.code)) {
    return new AnomalyError('ANM_BROKER_UNREACHABLE', `cannot ${action}: ${reasonOf(error.message)}`, { cause: error });
  }
  if (error.code === NativeCode.unknownTopic || error.code === NativeCode.unknownPartition) {
    return new AnomalyError('ANM_TOPIC_MISSING', `cannot ${action} as there is no such topic or partition`, {
      cause: error,
    });
  }
  return new AnomalyError('ANM_PROTOCOL', `cannot ${action}: ${reasonOf(error.message)}`, {
    details: { librdkafkaError: error.code },
    cause: error,
  });
}

export function missingOr(error: NativeError, topic: string, action: string, timeoutMs: number): AnomalyError {
  return error.code === UNKNOWN_TOPIC
    ? topicMissing(topic)
    : nativeFailure(error, action, 'request_timeout', timeoutMs);
}

const UNKNOWN_TOPIC = 3;

/** '[thrd:a:1/bootstrap]: a:1/bootstrap: Connect to ipv4#a:1 failed: Connection refused (after 0ms in ...)' in short. */
function reasonOf(message: string): string {
  return (message ?? '')
    .replace(/^\[thrd:[^\]]*\]: /, '')
    .replace(/^(?:sasl_|ssl|plaintext)*(?::\/\/)?(\S+:\d+)\/(?:bootstrap|\d+): /i, '$1: ')
    .replace(/Connect to ipv[46]#\S+ failed: /, '')
    .replace(/ \(after \d+ms in state .*\)$/, '')
    .replace(/^broker: /i, '')
    .trim();
}
