import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import type { SinkResources } from '../../alerts/sinks/openSinks.ts';
import type { KafkaClient } from '../../clients/client.ts';
import type { Settings } from '../../config/settings.ts';
import { AnomalyError } from '../../errors.ts';
import { notificationsTopic, TopicPublisher } from '../../runtime/alerts/topicPublisher.ts';

export interface SinkPlace {
  readonly settings: Settings;
  readonly cwd: string;
  readonly stdout: Writable;
  readonly pipeline: string;
  readonly now: () => number;
  /** For topic sinks, asked for at the first record; the caller closes the client. */
  readonly client: () => Promise<KafkaClient>;
  readonly test: boolean;
}

/** What the sinks of a configuration stand on, in a command. */
export function sinkResources({ settings, cwd, stdout, pipeline, now, client, test }: SinkPlace): SinkResources {
  return {
    reference: (text, place) => settings.reference(text, place),
    readFile: (path, place) => {
      try {
        return readFileSync(resolve(cwd, path), 'utf8');
      } catch (cause) {
        throw new AnomalyError('ANM_CONFIG', `cannot read ${place}, ${path}: ${(cause as Error).message}`, { cause });
      }
    },
    stdout,
    openPublisher: (topic) => new TopicPublisher(client, topic),
    defaultTopic: notificationsTopic(pipeline),
    now,
    test,
  };
}
