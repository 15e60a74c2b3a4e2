import { AnomalyError } from '../../errors.ts';
import type { Outgoing, SendResult } from '../delivery/sink.ts';
import { httpPost, USUAL_RULES } from './httpPost.ts';
import { notificationJson } from './notificationJson.ts';
import { messageId, type WebhookSigner } from './signature.ts';
import { BaseSink, type SinkBase } from './sinkBase.ts';
import type { BodyTemplate } from './template.ts';

export interface WebhookOptions extends SinkBase {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca?: string | undefined;
  readonly signer?: WebhookSigner | undefined;
  /** Default: the whole notification as JSON. */
  readonly body?: BodyTemplate | undefined;
  readonly now: () => number;
}

/**
 * The address behind a reference. One with user and password is of use, as it is a secret by then.
 *
 * @throws ANM_CONFIG, without the address
 */
export function checkedAddress(url: string, place: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new AnomalyError('ANM_CONFIG', `${place} is no address of http or https`);
}

/** A POST of JSON to any address. 2xx is taken; 400, 413 and 422 are never repeated; all else is. */
export class WebhookSink extends BaseSink {
  readonly type = 'webhook';
  readonly #options: WebhookOptions;

  constructor(options: WebhookOptions) {
    super(options);
    this.#options = options;
  }

  async send(batch: readonly Outgoing[]): Promise<SendResult> {
    const { url, headers, signer, timeoutMs, ca, test, now } = this.#options;
    const outgoing = batch[0]!;
    const body = this.#options.body?.fill(outgoing, test) ?? JSON.stringify(notificationJson(outgoing, test));
    const id = messageId(outgoing);
    const signed = signer?.headers(id, Math.floor(now() / 1000), body) ?? { 'webhook-id': id };
    return await httpPost({ url, headers: { ...headers, ...signed }, body, timeoutMs, ca }, USUAL_RULES);
  }
}
