import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AnomalyError } from '../../errors.ts';
import { isAlive, isReady, type MetricFamily, metricFamilies, PROCESS_METRICS } from '../../observe/metrics.ts';
import { type MemberStatus, outageText } from '../../observe/status.ts';

export interface MetricsServer {
  /** http://host:port, with the port that was taken. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves /metrics in Prometheus' text format, /livez and /readyz. The values are those of the members' status at the
 * time of the request: nothing is counted for them while records pass.
 *
 * @param listen host:port; port 0 takes any free one
 * @throws ANM_PORT_IN_USE, ANM_CONFIG where the address cannot be listened on
 */
export async function serveMetrics(listen: string, statuses: () => readonly MemberStatus[]): Promise<MetricsServer> {
  const { AggregatorRegistry } = await import('prom-client');
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, 'only GET\n');
    else if (path === '/livez') answerLive(response, statuses());
    else if (path === '/readyz') answerReady(response, statuses());
    else if (path === '/metrics') {
      const registry = AggregatorRegistry.aggregate([[...metricFamilies(statuses()), ...processFamilies()]]);
      registry
        .metrics()
        .then((text) => answer(response, 200, text, registry.contentType))
        .catch((error: unknown) => answer(response, 500, `${(error as Error).message}\n`));
    } else answer(response, 404, 'there are /metrics, /livez and /readyz\n');
  });
  await listenOn(server, listen);
  const { address, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}

function answerLive(response: ServerResponse, statuses: readonly MemberStatus[]): void {
  const isLive = isAlive(statuses);
  answer(response, isLive ? 200 : 503, isLive ? 'ok\n' : 'every member has failed\n');
}

function answerReady(response: ServerResponse, statuses: readonly MemberStatus[]): void {
  const lines = statuses.map(({ member, state, error, outage }) =>
    [
      `${member} ${state}`,
      ...(error ? [`${error.code} ${error.message}`] : []),
      ...(outage ? [outageText(outage)] : []),
    ].join(': '),
  );
  const text = `${lines.join('\n') || 'no members yet'}\n`;
  answer(response, isReady(statuses) ? 200 : 503, text);
}

async function listenOn(server: Server, listen: string): Promise<void> {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(listen.slice(colon + 1));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE';
      reject(
        new AnomalyError(
          inUse ? 'ANM_PORT_IN_USE' : 'ANM_CONFIG',
          `cannot serve metrics on ${listen} as ${cause.message}`,
          {
            hint: 'give another --metrics HOST:PORT, or port 0 for any free one',
            cause,
          },
        ),
      );
    });
    server.listen({ port, ...(host !== '' && { host }) }, resolve);
  });
}

/** The process itself, under Prometheus' own names. */
function processFamilies(): MetricFamily[] {
  const { user, system } = process.cpuUsage();
  const one = (name: keyof typeof PROCESS_METRICS, type: 'gauge' | 'counter', value: number): MetricFamily => {
    return { name, help: PROCESS_METRICS[name], type, aggregator: 'sum', values: [{ labels: {}, value }] };
  };
  return [
    one('process_cpu_seconds_total', 'counter', (user + system) / 1e6),
    one('process_resident_memory_bytes', 'gauge', process.memoryUsage.rss()),
  ];
}
