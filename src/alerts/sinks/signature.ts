import { createHash, createHmac } from 'node:crypto';
import { AnomalyError } from '../../errors.ts';
import type { Outgoing } from '../delivery/sink.ts';

const PREFIX = 'whsec_';
const LEAST_BYTES = 24;

/**
 * Signatures of a webhook as Standard Webhooks has them (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`, in the
 * headers webhook-id, webhook-timestamp (seconds) and webhook-signature (`v1,` and base64; one for each key, by spaces).
 */
export class WebhookSigner {
  readonly #keys: readonly Buffer[];

  /** @param secret a key a line, newest first: `whsec_` and base64, or a text of 24 bytes or more. @throws ANM_CONFIG */
  constructor(secret: string, sink: string) {
    const lines = secret.split(/\r?\n/).filter((line) => line.trim() !== '');
    this.#keys = lines.map((line) => keyOf(line.trim()));
    if (this.#keys.length === 0 || this.#keys.some(({ length }) => length < LEAST_BYTES)) {
      throw new AnomalyError(
        'ANM_CONFIG',
        `the secret of alert sink ${sink} has a key of less than ${LEAST_BYTES} bytes`,
        {
          hint: 'make one by: echo "whsec_$(openssl rand -base64 32)"',
        },
      );
    }
  }

  headers(id: string, seconds: number, body: string): Record<string, string> {
    const signed = `${id}.${seconds}.${body}`;
    const signatures = this.#keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signatures.join(' ') };
  }
}

/** Equal in every attempt at one change of an incident, also after a crash, and of no other. */
export function messageId({ told, notification }: Outgoing): string {
  const { id, revision } = notification;
  return `msg_${createHash('sha256')
    .update(JSON.stringify([id, revision, told]))
    .digest('hex')
    .slice(0, 32)}`;
}

function keyOf(line: string): Buffer {
  return line.startsWith(PREFIX) ? Buffer.from(line.slice(PREFIX.length), 'base64') : Buffer.from(line);
}
