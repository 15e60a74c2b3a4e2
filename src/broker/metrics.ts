/** Upper bounds in seconds: 18 powers of two, from a quarter of a millisecond to half a minute, as Redpanda's. */
export const LATENCY_BOUNDS_SECONDS: readonly number[] = Array.from({ length: 18 }, (_, i) => (256 * 2 ** i - 1) / 1e6);

/** Latencies by bucket. */
export class LatencyHistogram {
  /** By bound; one more for what is above the last. */
  readonly counts = new Float64Array(LATENCY_BOUNDS_SECONDS.length + 1);
  sumSeconds = 0;

  observe(seconds: number): void {
    let at = 0;
    while (at < LATENCY_BOUNDS_SECONDS.length && seconds > LATENCY_BOUNDS_SECONDS[at]!) at++;
    this.counts[at]!++;
    this.sumSeconds += seconds;
  }
}

/** What a broker counts beside its logs, for /public_metrics. */
export class BrokerMetrics {
  readonly produceLatency = new LatencyHistogram();
  readonly consumeLatency = new LatencyHistogram();
  /** Every request of the Kafka API. */
  readonly kafkaLatency = new LatencyHistogram();
  readonly registryLatency = new LatencyHistogram();
  activeConnections = 0;
  /** Requests that got a closed connection for an answer. */
  kafkaErrors = 0;
  /** By class of HTTP status: 4xx, 5xx. */
  readonly registryErrors = new Map<string, number>();

  kafkaRequest(api: string, seconds: number): void {
    this.kafkaLatency.observe(seconds);
    if (api === 'Produce') this.produceLatency.observe(seconds);
    else if (api === 'Fetch') this.consumeLatency.observe(seconds);
  }

  registryRequest(status: number, seconds: number): void {
    this.registryLatency.observe(seconds);
    if (status < 300) return;
    const name = `${Math.floor(status / 100)}xx`;
    this.registryErrors.set(name, (this.registryErrors.get(name) ?? 0) + 1);
  }
}
