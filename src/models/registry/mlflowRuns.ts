import { AnomalyError } from '../../errors.ts';
import { isRefusal, type MlflowClient } from './mlflowClient.ts';

/** Where runs of this tool are. */
const EXPERIMENT = 'anomaly';

export interface MlflowRun {
  readonly id: string;
  /** URI of the folder for the model's files. */
  readonly source: string;
  /** The same as the proxy of artifacts knows it. */
  readonly path: string;
}

/** Runs of MLflow: the source of a version has to be an artifact of one. */
export class MlflowRuns {
  readonly #client: MlflowClient;

  constructor(client: MlflowClient) {
    this.#client = client;
  }

  /** @throws ANM_UNSUPPORTED where the server has no proxy for artifacts */
  async create(name: string, startMs: number): Promise<MlflowRun> {
    const experiment_id = await this.#experiment();
    const fields = { experiment_id, run_name: name, start_time: startMs };
    const { run } = await this.#client.call<{ run: { info: { run_id: string; artifact_uri: string } } }>(
      'POST',
      'runs/create',
      fields,
    );
    const { run_id: id, artifact_uri: uri } = run.info;
    const path = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.*)$/.exec(uri)?.[1];
    if (path !== undefined) return { id, source: `${uri}/model`, path: `${path}/model` };
    await this.fail(id, startMs);
    throw new AnomalyError(
      'ANM_UNSUPPORTED',
      `cannot add a model to MLflow ${this.#client.url} as its experiment ${EXPERIMENT} keeps artifacts at ${uri}, not behind the server`,
      {
        hint: 'start mlflow server with --serve-artifacts and --artifacts-destination, and let it make the experiment anew',
      },
    );
  }

  async finish(run_id: string, metrics: Readonly<Record<string, number>>, timeMs: number): Promise<void> {
    const values = Object.entries(metrics).map(([key, value]) => ({ key, value, timestamp: timeMs, step: 0 }));
    if (values.length > 0) await this.#client.call('POST', 'runs/log-batch', { run_id, metrics: values });
    await this.#client.call('POST', 'runs/update', { run_id, status: 'FINISHED', end_time: timeMs });
  }

  async fail(run_id: string, timeMs: number): Promise<void> {
    await this.#client.call('POST', 'runs/update', { run_id, status: 'FAILED', end_time: timeMs });
  }

  async #experiment(): Promise<string> {
    const fields = { experiment_name: EXPERIMENT };
    const find = () =>
      this.#client.call<{ experiment: { experiment_id: string } }>('GET', 'experiments/get-by-name', fields, [
        'RESOURCE_DOES_NOT_EXIST',
      ]);
    const found = await find();
    if (!isRefusal(found)) return found.experiment.experiment_id;
    const made = await this.#client.call<{ experiment_id: string }>(
      'POST',
      'experiments/create',
      { name: EXPERIMENT },
      ['RESOURCE_ALREADY_EXISTS'],
    );
    if (!isRefusal(made)) return made.experiment_id;
    // Another process was faster.
    const again = await find();
    if (!isRefusal(again)) return again.experiment.experiment_id;
    throw new AnomalyError('ANM_UNSUPPORTED', `cannot use the experiment ${EXPERIMENT} of MLflow ${this.#client.url}`, {
      hint: `it was deleted: restore it with mlflow experiments restore`,
    });
  }
}
