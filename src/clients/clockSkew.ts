import { isAnomalyError } from '../errors.ts';
import { type HttpService, httpAddress, httpRequest } from './http.ts';

/** An HTTP server's clock between two moments of ours, epoch milliseconds: what src/observe/clockSkew.ts takes. */
export interface DateSample {
  readonly sentMs: number;
  readonly theirsMs: number;
  readonly answeredMs: number;
  readonly resolutionMs: number;
}

/** The Date header has whole seconds (RFC 9110, 5.6.7). */
const DATE_RESOLUTION_MS = 1000;

/**
 * Asks an HTTP service of the broker (Redpanda's Admin API or Schema Registry, which run in the broker's process) for its
 * clock, by the Date header of its answers. A header of whole seconds bounds it by a second; requests at different times
 * of a second bound it by about the time that an answer takes. Writes nothing: what is asked where no topic may be made.
 *
 * @param path that answers quickly, as /v1/status/ready or /subjects; its status does not matter
 * @param onSample is given each answer that had a Date
 * @returns how many had one: 0 where the service sends none, or did not answer
 */
export async function sampleDates(
  service: HttpService,
  path: string,
  onSample: (sample: DateSample) => void,
  options: {
    readonly samples: number;
    /** Epoch milliseconds. */
    readonly now: () => number;
    readonly pause: (timeMs: number) => Promise<void>;
  },
): Promise<number> {
  const { samples, now, pause } = options;
  let found = 0;
  for (let i = 0; i < samples; i++) {
    // Spread over the second, by a step that has no part in common with it.
    if (i > 0) await pause(SAMPLE_STEP_MS);
    const sample = await askDate(service, path, now).catch((error: unknown) => {
      if (isAnomalyError(error)) throw error;
      return undefined;
    });
    if (sample === undefined) continue;
    found++;
    onSample(sample);
  }
  return found;
}

const SAMPLE_STEP_MS = 137;

async function askDate(service: HttpService, path: string, now: () => number): Promise<DateSample | undefined> {
  const [given] = service.urls;
  if (given === undefined) return undefined;
  const { url, authorization: authorize } = httpAddress(given, service);
  const authorization = authorize();
  const headers = authorization === null ? {} : { authorization };
  const sentMs = now();
  const answer = await httpRequest('GET', url + path, headers, undefined, service.timeoutMs ?? 10_000, service.tls);
  const { date } = answer.headers;
  const answeredMs = now();
  const theirsMs = date === undefined ? NaN : Date.parse(date);
  return Number.isNaN(theirsMs) ? undefined : { sentMs, theirsMs, answeredMs, resolutionMs: DATE_RESOLUTION_MS };
}
