import { connect as connectTls } from 'node:tls';
import { openSinks } from '../../alerts/sinks/openSinks.ts';
import { PAGERDUTY_URL } from '../../alerts/sinks/pagerDutySink.ts';
import type { AlertSinkConfig } from '../../config/alertSinks.ts';
import { sinkResources } from '../alerts/sinks.ts';
import { fail, ok, type Seen } from './check.ts';
import type { Doctor } from './doctor.ts';
import { dial } from './network.ts';

/** Whether the alert sinks' secrets can be read and their servers reached. Nothing is sent: `alerts test` does that. */
export async function checkAlertSinks(doctor: Doctor): Promise<readonly Seen[]> {
  const { context, pipeline } = doctor;
  const configs = pipeline.alertDelivery?.sinks ?? [];
  if (configs.length === 0) return [];
  const { settings, cwd, now, stderr } = context;
  const resources = sinkResources({
    ...{ settings, cwd, now, pipeline: pipeline.pipeline, stdout: stderr, test: true },
    client: () => doctor.client(),
  });
  const sinks = openSinks(configs, resources);
  await Promise.all(sinks.map((sink) => sink.close()));
  return await Promise.all(
    configs.map(async (config) => {
      const places = addressesOf(config).map((text) => resources.reference(text, `url of alert sink ${config.name}`));
      const problems = await Promise.all(places.map((place) => problemOf(place.trim(), config, doctor)));
      const problem = problems.find((each) => each !== null);
      const what = `alert sink ${config.name} (${config.type})`;
      const hosts = places.map((place) => new URL(place.trim()).host).join(', ');
      if (problem != null)
        return fail(`${what}: ${problem}`, 'check its url and the way there; notifications wait until it takes them');
      if (places.length === 0) return ok(`${what} needs no server`);
      return ok(`${what}: ${hosts} can be reached; anomaly alerts test sends one`);
    }),
  );
}

function addressesOf({ type, urls = [], url }: AlertSinkConfig): readonly string[] {
  if (type === 'stdout' || type === 'topic') return [];
  if (type === 'alertmanager') return urls;
  return [url ?? PAGERDUTY_URL];
}

/** The path of an address may be a secret, so only its host is told. */
async function problemOf(address: string, { ca }: AlertSinkConfig, doctor: Doctor): Promise<string | null> {
  const { hostname, port, protocol } = new URL(address);
  const number = Number(port || (protocol === 'https:' ? 443 : 80));
  const refused = await dial(`${hostname}:${number}`, doctor.dialTimeoutMs);
  if (refused !== null || protocol !== 'https:') return refused;
  const resources = ca === undefined ? {} : { ca: await readCa(ca, doctor) };
  return await new Promise((resolve) => {
    const socket = connectTls({ host: hostname, port: number, servername: hostname, ...resources });
    const finish = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(doctor.dialTimeoutMs, () => finish(`${hostname} did not finish the TLS handshake`));
    socket.once('secureConnect', () => finish(null));
    socket.once('error', (error) => finish(`TLS with ${hostname}: ${error.message}`));
  });
}

async function readCa(path: string, { context }: Doctor): Promise<string> {
  const [{ readFile }, { resolve }] = await Promise.all([import('node:fs/promises'), import('node:path')]);
  return await readFile(resolve(context.cwd, path), 'utf8');
}
