// The section of docs/benchmarks.md about a real Apache Kafka.
import { type KafkaBench, perCpuSecond, type Rate } from './kafka.ts';

export function kafkaSection(machine: string, date: string, { version, auto, clients }: KafkaBench): string {
  const rate = (each: Rate) => {
    const { records, wallSeconds, brokerCpuSeconds } = each;
    return [
      million(records),
      million(records / wallSeconds),
      million(perCpuSecond(each)),
      `${brokerCpuSeconds.toFixed(1)} s`,
    ].join(' | ');
  };
  const produce = clients.map(({ client, produce: each }) => `| \`${client}\` | ${rate(each)} |`);
  const fused = clients.map(
    ({ client, fused: each }) =>
      `| \`${client}\` | ${rate(each)} | ${thousands(each.windows)}, ${thousands(each.alerts)} | ${Math.round(each.peakRssMiB)} MiB |`,
  );
  const latency = clients.map(({ client, latency: each }) => {
    const quantiles = [each.p50Ms, each.p95Ms, each.p99Ms, each.maxMs].map(ms).join(' | ');
    const cpu = `${each.cpuSeconds.toFixed(1)} s | ${each.brokerCpuSeconds.toFixed(1)} s`;
    return `| \`${client}\` | ${thousands(each.alerts)} | ${quantiles} | ${cpu} |`;
  });
  const { eventsPerSecond, seconds } = clients[0]!.latency;
  return `## Apache Kafka ${version}

Measured by \`npm run bench -- kafka\` on ${machine}, ${date}: one broker in KRaft mode, a process of its own on the same
machine, still warming up in the first rows. \`--client auto\` takes \`${auto}\`.

Produced: records of about 50 bytes that were encoded before, to 4 partitions, idempotent, acknowledged.

| client | records | a second | a CPU-second of ours | the broker's CPU |
|---|---|---|---|---|
${produce.join('\n')}

The fused job of above, outputs compared with the reference row by row; CPU-seconds of the whole process, start-up included.

| client | records | a second | a CPU-second of ours | the broker's CPU | windows, alerts | largest memory |
|---|---|---|---|---|---|---|
${fused.join('\n')}

Ingestion to alert at ${thousands(eventsPerSecond)} events/s for ${seconds} s, as above; the pipeline's client is named, the load and the consumer of the
alerts are on \`platformatic\`.

| client | alerts | p50 | p95 | p99 | max | our CPU | the broker's CPU |
|---|---|---|---|---|---|---|---|
${latency.join('\n')}`;
}

/** The table that ARCHITECTURE.md keeps for the choice of `--client auto`. */
export function clientChoiceTable(machine: string, date: string, { version, clients }: KafkaBench): string {
  const rows = clients.map(({ client, produce, fused, latency }) => {
    const figures = [million(perCpuSecond(fused)), million(perCpuSecond(produce)), ms(latency.p99Ms)];
    return `| \`${client}\` | ${figures.join(' | ')} |`;
  });
  return `| Apache Kafka ${version}, ${machine}, ${date} | fused job, events a CPU-second | produced a CPU-second | ingestion to alert, p99 |
|---|---|---|---|
${rows.join('\n')}`;
}

const million = (n: number) => `${(n / 1e6).toFixed(2)} million`;
const thousands = (n: number) => n.toLocaleString('en-US');
const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
