import type { Writable } from 'node:stream';
import { headersOf } from '../../clients/headerLines.ts';
import type { AlertSinkConfig } from '../../config/alertSinks.ts';
import type { Sink } from '../delivery/sink.ts';
import { AlertmanagerSink } from './alertmanagerSink.ts';
import { isUnreadable, LateSink } from './lateSink.ts';
import { type Publisher, StdoutSink, TopicSink } from './lineSinks.ts';
import { PAGERDUTY_URL, PagerDutySink } from './pagerDutySink.ts';
import { WebhookSigner } from './signature.ts';
import type { SinkBase } from './sinkBase.ts';
import { SlackSink } from './slackSink.ts';
import { BodyTemplate, LinkTemplate } from './template.ts';
import { checkedAddress, WebhookSink } from './webhookSink.ts';

/** What the sinks of a configuration stand on. */
export interface SinkResources {
  /** The text behind file:PATH or env:NAME; any other as it is. `place` is for messages. @throws ANM_CONFIG */
  reference(text: string, place: string): string;
  /** Text of a file. @throws ANM_CONFIG */
  readFile(path: string, place: string): string;
  readonly stdout: Writable;
  /** Of a topic sink; nothing is opened before the first record. */
  openPublisher(topic: string): Publisher;
  /** Name of the topic of a topic sink that names none. */
  readonly defaultTopic: string;
  /** Epoch milliseconds. */
  now(): number;
  /** Whether what is sent is marked as a test. */
  readonly test: boolean;
}

/** The sinks in the order of the configuration. Reads secrets and files, and connects to nobody. @throws ANM_CONFIG */
export function openSinks(configs: readonly AlertSinkConfig[], resources: SinkResources): readonly Sink[] {
  return configs.map((config) => openSink(config, resources));
}

/**
 * As openSinks, but one that cannot be opened now holds up no other: it is told to `onLate`, and stands for a sink that is
 * down, opened at the first request at which it can be.
 */
export function openSinksOrLater(
  configs: readonly AlertSinkConfig[],
  resources: SinkResources,
  onLate: (name: string, problem: string) => void,
): readonly Sink[] {
  return configs.map((config) => {
    try {
      return openSink(config, resources);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      onLate(config.name, error.message);
      return new LateSink(config, () => openSink(config, resources));
    }
  });
}

function openSink(config: AlertSinkConfig, resources: SinkResources): Sink {
  const { name, type, timeoutMs, updates, minSeverity } = config;
  const { test, now } = resources;
  const base: SinkBase = { name, timeoutMs, updates, minSeverity, test };
  const place = (field: string) => `${field} of alert sink ${name}`;
  const secret = (text: string, field: string) => resources.reference(text, place(field)).trim();
  const http = {
    headers: config.headers === undefined ? {} : headersOf(secret(config.headers, 'headers'), place('headers')),
    ca: config.ca === undefined ? undefined : resources.readFile(config.ca, place('ca')),
  };
  const link = config.link === undefined ? undefined : new LinkTemplate(config.link, place('link'));
  const url = () => checkedAddress(secret(config.url ?? PAGERDUTY_URL, 'url'), place('url'));
  switch (type) {
    case 'alertmanager': {
      const { urls = [], labels = {}, resendMs } = config;
      return new AlertmanagerSink({ ...base, ...http, urls: urls.map(withoutSlash), labels, resendMs, now });
    }
    case 'pagerduty': {
      const routingKey = secret(config.routingKey ?? '', 'routing_key');
      return new PagerDutySink({ ...base, ca: http.ca, link, routingKey, url: url() });
    }
    case 'slack':
      return new SlackSink({ ...base, ca: http.ca, link, url: url() });
    case 'webhook': {
      const { body } = config;
      return new WebhookSink({
        ...{ ...base, ...http, url: url(), now },
        signer: config.secret === undefined ? undefined : new WebhookSigner(secret(config.secret, 'secret'), name),
        body: body === undefined ? undefined : new BodyTemplate(body, place('body')),
      });
    }
    case 'stdout':
      return new StdoutSink(base, resources.stdout);
    case 'topic':
      return new TopicSink(base, resources.openPublisher(config.topic ?? resources.defaultTopic));
  }
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
