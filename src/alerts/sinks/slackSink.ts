import type { Outgoing, SendResult } from '../delivery/sink.ts';
import { httpPost, USUAL_RULES } from './httpPost.ts';
import { cut, rfc3339 } from './notificationJson.ts';
import { BaseSink, type SinkBase } from './sinkBase.ts';
import type { LinkTemplate } from './template.ts';

export interface SlackOptions extends SinkBase {
  /** Of an incoming webhook; a secret, as whoever has it may post. */
  readonly url: string;
  readonly ca?: string | undefined;
  readonly link?: LinkTemplate | undefined;
}

const TEXT_LENGTH = 12_000;
/** Slack refuses a block with more. */
const BLOCK_LENGTH = 3000;
const MOST_REASONS = 8;

/**
 * An incoming webhook of Slack, or of what speaks the same (Mattermost, Rocket.Chat, Discord's /slack): `text` has all of
 * it, `blocks` the same for Slack. A message has no key there, so its last line has the incident's id.
 */
export class SlackSink extends BaseSink {
  readonly type = 'slack';
  readonly #options: SlackOptions;

  constructor(options: SlackOptions) {
    super(options);
    this.#options = options;
  }

  async send(batch: readonly Outgoing[]): Promise<SendResult> {
    const { url, timeoutMs, ca } = this.#options;
    const body = JSON.stringify(slackMessage(batch[0]!, this.#options));
    return await httpPost({ url, headers: {}, body, timeoutMs, ca }, USUAL_RULES);
  }
}

export function slackMessage(
  outgoing: Outgoing,
  { link, test }: Pick<SlackOptions, 'link' | 'test'>,
): { readonly text: string; readonly blocks: readonly unknown[] } {
  const { told, notification } = outgoing;
  const { id, severity, pipeline, summary, reasons, startedMs, endedMs, look } = notification;
  const word = { open: 'OPEN', update: 'UPDATE', resolved: 'RESOLVED' }[told];
  const head = `*${test ? 'TEST ' : ''}${word}* ${severity}: ${escaped(summary)}`;
  const times = `since ${rfc3339(startedMs)}${told === 'resolved' && endedMs !== null ? ` until ${rfc3339(endedMs)}` : ''}`;
  const whys = told === 'resolved' ? [] : reasons.slice(0, MOST_REASONS).map((reason) => `• ${escaped(reason)}`);
  const href = link?.fill(outgoing, test);
  const end = [
    `${escaped(pipeline)}, ${times}`,
    ...(href === undefined ? [] : [`<${href}|open>`]),
    `\`${escaped(look)}\``,
    escaped(id),
  ].join(' · ');
  const body = [head, ...whys].join('\n');
  return {
    text: cut(`${body}\n${end}`, TEXT_LENGTH),
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: cut(body, BLOCK_LENGTH) } },
      { type: 'context', elements: [{ type: 'mrkdwn', text: cut(end, BLOCK_LENGTH) }] },
    ],
  };
}

/** The three signs that Slack gives a meaning to: a series' name mentions nobody and links nowhere. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
