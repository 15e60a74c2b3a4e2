import type { Counter, Histogram, Registry } from 'prom-client';
import type { ServedModels } from './servedModels.ts';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Figures of the inference server in Prometheus' text format. */
export class ServingMetrics {
  readonly #registry: Registry;
  readonly #requests: Counter<'model' | 'version' | 'status'>;
  readonly #latency: Histogram<'model' | 'version'>;
  readonly #rows: Counter<'model' | 'version'>;
  readonly #runs: Histogram<'model' | 'version'>;
  readonly #shared: Histogram<'model' | 'version'>;

  static async open(models: ServedModels, inFlight: () => number): Promise<ServingMetrics> {
    const { Registry, Counter, Histogram, Gauge } = await import('prom-client');
    const registry = new Registry();
    const registers = [registry];
    const labelNames = ['model', 'version'] as const;
    new Gauge({
      name: 'anomaly_serve_in_flight_requests',
      help: 'Inference requests that are not answered yet.',
      registers,
      collect() {
        this.set(inFlight());
      },
    });
    new Gauge({
      name: 'anomaly_serve_waiting_rows',
      help: 'Rows that wait for a run of the model.',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { name, version, waitingRows } of models.all()) this.set({ model: name, version }, waitingRows);
      },
    });
    new Gauge({
      name: 'anomaly_serve_model_ready',
      help: 'Whether a version of a model answers requests.',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { name, version, problem } of models.all()) {
          this.set({ model: name, version }, problem === undefined ? 1 : 0);
        }
      },
    });
    return new ServingMetrics(registry, {
      requests: new Counter({
        name: 'anomaly_serve_requests_total',
        help: 'Inference requests by HTTP status; without a model where none was found.',
        labelNames: ['model', 'version', 'status'],
        registers,
      }),
      latency: new Histogram({
        name: 'anomaly_serve_request_seconds',
        help: 'From the whole request to its answer, of requests that were answered with results.',
        labelNames,
        buckets: SECONDS,
        registers,
      }),
      rows: new Counter({
        name: 'anomaly_serve_rows_total',
        help: 'Rows that models were run on.',
        labelNames,
        registers,
      }),
      runs: new Histogram({
        name: 'anomaly_serve_run_seconds',
        help: 'Time of a run of the model.',
        labelNames,
        buckets: SECONDS,
        registers,
      }),
      shared: new Histogram({
        name: 'anomaly_serve_run_rows',
        help: 'Rows of a run of the model.',
        labelNames,
        buckets: ROWS,
        registers,
      }),
    });
  }

  private constructor(
    registry: Registry,
    metrics: {
      requests: Counter<'model' | 'version' | 'status'>;
      latency: Histogram<'model' | 'version'>;
      rows: Counter<'model' | 'version'>;
      runs: Histogram<'model' | 'version'>;
      shared: Histogram<'model' | 'version'>;
    },
  ) {
    this.#registry = registry;
    this.#requests = metrics.requests;
    this.#latency = metrics.latency;
    this.#rows = metrics.rows;
    this.#runs = metrics.runs;
    this.#shared = metrics.shared;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    return await this.#registry.metrics();
  }

  request(model: string, version: string, status: number, latencyMs: number): void {
    this.#requests.inc({ model, version, status: String(status) });
    if (status === 200) this.#latency.observe({ model, version }, latencyMs / 1000);
  }

  run(model: string, version: string, rows: number, latencyMs: number): void {
    this.#rows.inc({ model, version }, rows);
    this.#runs.observe({ model, version }, latencyMs / 1000);
    this.#shared.observe({ model, version }, rows);
  }
}
