import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { type CliRun, runCli } from '../../helpers/cli.ts';
import type { World } from '../../helpers/world.ts';

export const SINKS = ['windows', 'anomalies', 'late', 'dlq'] as const;

/** What a run of these tests is told, whoever starts it. */
export function runFlags(topic: string, pipeline: string, ...more: string[]): string[] {
  return [
    'run',
    ...['--topic', topic, '--pipeline', pipeline, '--time', 'ts', '--window', '1m', '--max-ahead', 'off'],
    ...['--detector', 'rolling-z', '--guarantee', 'exactly-once', '-o', 'json'],
    ...SINKS.flatMap((sink) => ['-X', `sinks.${sink.replace('dlq', 'dead_letters')}=${pipeline}.${sink}`]),
    ...more,
  ];
}

/** One member of a group, in this process, with a client and signals of its own. */
export class Member {
  readonly ended: Promise<CliRun>;
  readonly #signals = new EventEmitter();
  #said = '';

  constructor(world: World, argv: readonly string[]) {
    const onError = (text: string) => {
      this.#said = text;
    };
    this.ended = runCli(argv, { cwd: world.dir, env: { ...world.env }, signals: this.#signals, onError });
  }

  /** Its stderr so far. */
  get said(): string {
    return this.#said;
  }

  async stop(): Promise<CliRun> {
    this.#signals.emit('SIGTERM');
    const ended = await this.ended;
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  }
}
