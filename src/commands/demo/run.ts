import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBroker } from '../../broker/broker.ts';
import { startRegistry } from '../../broker/registry.ts';
import type { KafkaClient } from '../../clients/client.ts';
import { connect } from '../../clients/connect.ts';
import { createRegistry } from '../../clients/createRegistry.ts';
import { type SchemaRegistry, WIRE_HEADER_BYTES, writeWireHeader } from '../../clients/registry.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { AvroEncoder } from '../../inputs/encode/avroEncoder.ts';
import { inferSchema, planAvro } from '../../inputs/encode/avroPlan.ts';
import { openRows, type RowInput } from '../../inputs/rowInput.ts';
import { SendTotals, sendRows } from '../../inputs/sendRows.ts';
import type { Logger } from '../../output/logger.ts';
import { packageFile } from '../../platform/packageFile.ts';
import { toolVersion } from '../../platform/version.ts';
import { type JobResult, runJob } from '../../runtime/job.ts';
import type { AnomalyObject } from '../../runtime/output/rowObjects.ts';
import { directoryCheckpoints } from '../checkpoint/place.ts';
import type { CommandContext } from '../command.ts';
import { readLabels } from '../labelFile.ts';
import { AlertWatch } from './alerts.ts';
import { jittered } from './jitter.ts';
import { AlertGrader } from './labels.ts';
import { DemoMeter } from './meter.ts';
import { DEMO_PARTITIONS, DEMO_TOPIC, type DemoOptions, demoPipeline, readDemoOptions } from './options.ts';
import { RampPacer } from './pacer.ts';
import { showMeter } from './show.ts';
import { type DemoEnd, summarize, summaryText } from './summary.ts';

/** Between two looks at the group. */
const ASSIGNED_POLL_MS = 10;
/** The rate of events rises over this time. */
const RAMP_MS = 3000;
const DATA = fileURLToPath(packageFile('fixtures/nab/demo/'));

/** Runs the demo and prints its summary; the result is the exit code. */
export async function runDemo(context: CommandContext, options = readDemoOptions(context)): Promise<number> {
  const scratch = makeScratch();
  const servers = await startServers();
  try {
    const demo = new Demo(context, options, servers, scratch.path);
    await demo.run();
  } finally {
    await servers.close();
    scratch.remove();
  }
  if (!context.signal.aborted) return 0;
  return context.signal.reason === 'SIGTERM' ? 143 : 130;
}

/** A directory that is gone at the end, also when a second ^C ends the process at once. */
function makeScratch(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'anomaly-demo-'));
  const remove = (): void => {
    process.off('exit', remove);
    rmSync(path, { recursive: true, force: true });
  };
  process.once('exit', remove);
  return { path, remove };
}

interface Servers {
  readonly client: KafkaClient;
  readonly registry: SchemaRegistry;
  close(): Promise<void>;
}

async function startServers(): Promise<Servers> {
  const [broker, registry] = await Promise.all([startBroker(), startRegistry({ port: 0 })]);
  const client = await connect({ brokers: [broker.address], client: 'platformatic' });
  return {
    client,
    registry: createRegistry({ urls: [registry.url] }),
    close: async () => {
      await client.close();
      await Promise.all([broker.close(), registry.close()]);
    },
  };
}

class Demo {
  readonly #context: CommandContext;
  readonly #options: DemoOptions;
  readonly #servers: Servers;
  readonly #stateDir: string;
  readonly #config = demoPipeline();
  /** Ends what still runs: a part failed, or the time is over. */
  readonly #stop = new AbortController();
  #timeIsOver = false;
  /** Offsets at which the pipeline ends, once everything is sent. */
  #ends: readonly TopicPartitionOffset[] | undefined;

  constructor(context: CommandContext, options: DemoOptions, servers: Servers, stateDir: string) {
    this.#context = context;
    this.#options = options;
    this.#servers = servers;
    this.#stateDir = stateDir;
  }

  async run(): Promise<void> {
    const { now } = this.#context;
    const { sinks, score } = this.#config;
    const { admin } = this.#servers.client;
    const names = [DEMO_TOPIC, sinks.windows, sinks.anomalies, sinks.late, sinks.deadLetters];
    await admin.createTopics(names.map((name) => ({ name, partitions: DEMO_PARTITIONS })));
    const labels = await readLabels('combined_windows.json', DATA);
    const grader = new AlertGrader(labels, score?.refractoryMs ?? 0);
    const input = await openRows([DATA], { cwd: DATA });
    const meter = new DemoMeter(await countRows(input), now);
    const show = await showMeter(this.#context, this.#options, meter);
    const startMs = now();
    try {
      const { sent, job } = await this.#stream(input, meter, grader);
      meter.phase = 'done';
      await show.stop();
      const series = input.samples.map((sample) => sample.file.series);
      const summary = summarize({
        ended: this.#ended(sent, meter),
        seed: this.#options.seed,
        eventsTotal: meter.total,
        elapsedMs: now() - startMs,
        totals: job.totals,
        alerts: grader.count,
        latency: meter.latency,
        grades: grader.grades(series, sent.lastTimeMs),
      });
      const { output } = this.#context;
      await output.document(summary, () =>
        summaryText(summary, { wide: output.format === 'wide', color: output.color }),
      );
    } finally {
      await show.stop();
      await input.close();
    }
  }

  #ended(sent: SendTotals, meter: DemoMeter): DemoEnd {
    if (this.#context.signal.aborted) return 'interrupted';
    return sent.rows < meter.total || this.#timeIsOver ? 'time limit' : 'all events';
  }

  /** Sends the rows while the pipeline and a reader of its alerts run; all of them end before it does. */
  async #stream(input: RowInput, meter: DemoMeter, grader: AlertGrader): Promise<{ sent: SendTotals; job: JobResult }> {
    const stop = this.#stop;
    const limit = setTimeout(() => {
      this.#timeIsOver = true;
      stop.abort();
    }, this.#options.totalLimitMs);
    const watch = this.#watch(meter, grader);
    const job = this.#job(meter);
    // A part that fails ends the others; its failure is thrown where it is waited for.
    for (const part of [watch.done, job]) part.catch(() => stop.abort());
    try {
      await this.#assigned();
      const sent = await this.#send(input, meter);
      meter.phase = 'draining';
      const { admin } = this.#servers.client;
      this.#ends = await admin.listOffsets(partitionsOf(DEMO_TOPIC), 'latest');
      const result = await job;
      meter.onTotals(result.totals);
      await watch.finish(await admin.listOffsets(partitionsOf(this.#config.sinks.anomalies), 'latest'));
      return { sent, job: result };
    } finally {
      clearTimeout(limit);
      stop.abort();
      await Promise.allSettled([watch.done, job]);
    }
  }

  /** Waits until the pipeline has its partitions: joining the group is no part of any latency. */
  async #assigned(): Promise<void> {
    const { admin } = this.#servers.client;
    const ended = AbortSignal.any([this.#context.signal, this.#stop.signal]);
    while (!ended.aborted) {
      const { members } = await admin.describeGroup(this.#config.group);
      if (members.some((member) => member.partitions.length > 0)) return;
      await pause(ASSIGNED_POLL_MS);
    }
  }

  async #send(input: RowInput, meter: DemoMeter): Promise<SendTotals> {
    const { client, registry } = this.#servers;
    const { rate, seed, sendLimitMs } = this.#options;
    const { outOfOrdernessMs } = this.#config.time;
    const schema = inferSchema(input.columns, DEMO_TOPIC, true);
    const { id } = await registry.register(`${DEMO_TOPIC}-value`, schema);
    const header = new Uint8Array(WIRE_HEADER_BYTES);
    writeWireHeader(header, 0, id);
    const totals = new SendTotals(DEMO_PARTITIONS);
    const producer = await client.createProducer();
    // Not AbortSignal.timeout: Node 20 collects it as garbage when only AbortSignal.any knows it.
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), sendLimitMs);
    try {
      await sendRows(
        {
          input: withRows(input, () => jittered(input.rows(), seed, outOfOrdernessMs)),
          encoder: new AvroEncoder(planAvro(schema, input.columns, true).fields ?? [], header),
          producer,
          topic: DEMO_TOPIC,
          partitions: DEMO_PARTITIONS,
          key: { by: 'file' },
          recordTime: 'now',
          pacer: new RampPacer(rate, RAMP_MS),
          loop: false,
          limit: Number.POSITIVE_INFINITY,
          outOfOrdernessMs,
          signal: AbortSignal.any([this.#context.signal, this.#stop.signal, limit.signal]),
          now: this.#context.now,
          sleep: pause,
          onBadRow: ({ file, line, reason }) => this.#context.logger.warn(`${file}:${line} is left out: ${reason}`),
          onProgress: ({ rows }) => {
            meter.produced = rows;
          },
        },
        totals,
      );
      await producer.flush();
      meter.produced = totals.rows;
    } finally {
      clearTimeout(timer);
      await producer.close();
    }
    return totals;
  }

  #job(meter: DemoMeter): Promise<JobResult> {
    const { signal, now, logger } = this.#context;
    return runJob({
      client: this.#servers.client,
      registry: this.#servers.registry,
      config: this.#config,
      stage: 'run',
      groupId: this.#config.group,
      toolVersion: toolVersion(),
      openCheckpoints: (group, cluster) => directoryCheckpoints(this.#stateDir, group, cluster),
      localDir: join(this.#stateDir, 'lmdb'),
      recovery: { fresh: false, acceptGap: false, allow: [] },
      untilEnd: false,
      until: () => this.#ends,
      leaveOpen: false,
      maxBadRate: 0.1,
      logger: quieter(logger),
      now,
      signal: AbortSignal.any([signal, this.#stop.signal]),
      onProgress: (totals) => meter.onTotals(totals),
    });
  }

  #watch(meter: DemoMeter, grader: AlertGrader): AlertWatch {
    const onAlert = ({ id, series, start, value, score }: AnomalyObject, latencyMs: number): void => {
      if (!grader.add(id, series, start)) return;
      meter.onAlert({ id, series, timeMs: start, value, score, labelled: grader.isLabelled(series, start) }, latencyMs);
    };
    return new AlertWatch({
      ...this.#servers,
      topic: this.#config.sinks.anomalies,
      partitions: DEMO_PARTITIONS,
      now: this.#context.now,
      signal: this.#stop.signal,
      onAlert,
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function partitionsOf(topic: string) {
  return Array.from({ length: DEMO_PARTITIONS }, (_, partition) => ({ topic, partition }));
}

async function countRows(input: RowInput): Promise<number> {
  let count = 0;
  for await (const rows of input.rows()) count += rows.count;
  return count;
}

/** The same input with other rows. Methods live on the prototype, which a spread leaves behind. */
function withRows(input: RowInput, rows: RowInput['rows']): RowInput {
  return {
    ...input,
    rows,
    bytesRead: () => input.bytesRead(),
    unknownMembers: () => input.unknownMembers(),
    close: () => input.close(),
  };
}

/** What a pipeline says of its partitions and topics is no news in a demo. */
function quieter(logger: Logger): Logger {
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: (message, fields) => logger.debug(message, fields),
    warn: (message, fields) => logger.warn(message, fields),
    error: (message, fields) => logger.error(message, fields),
  };
}
