import { AnomalyError } from '../../errors.ts';
import { completeSpec } from '../modelMetadata.ts';
import type { ModelSpec } from '../modelSpec.ts';
import { parseModelUri, shownModelUri } from '../registry/modelUri.ts';
import { GuardedScorer, type GuardSettings } from '../scoring/guardedScorer.ts';
import { planInput } from '../scoring/inputPlan.ts';
import { planOutput } from '../scoring/outputPlan.ts';
import type { ScoringClock } from '../scoring/scoringClock.ts';
import { HttpModel, type HttpModelOptions } from './httpModel.ts';
import { JsonEndpoint } from './jsonEndpoint.ts';
import { OipProtocol } from './oipProtocol.ts';
import { RemoteBackend, type RemotePlan } from './remoteBackend.ts';
import { anyTensor, asModel, type RemoteProtocol } from './remoteProtocol.ts';
import { TfsProtocol } from './tfsProtocol.ts';

export interface RemoteModelOptions extends HttpModelOptions {
  /** What the model reads and gives: kind, length and channels have to be given where the server does not tell them. */
  readonly spec: Partial<ModelSpec>;
  /** Setting models.request_timeout: for all that is asked before the first record. */
  readonly startTimeoutMs: number;
  /** score.model.request: JSON with "$windows" or "$window"; of http: and https: only. */
  readonly request?: string;
  /** score.model.response: the path to the numbers of an answer; of http: and https: only. */
  readonly response?: string;
  readonly guard?: Partial<GuardSettings>;
  readonly clock?: ScoringClock;
}

/** A scorer over HTTP, with the bounds, deadline and breaker of `GuardedScorer`. */
export class RemoteModelScorer extends GuardedScorer {
  readonly #backend: RemoteBackend;
  /** The address of the model, without credentials. */
  readonly address: string;

  constructor(backend: RemoteBackend, address: string, { guard = {}, clock }: RemoteModelOptions) {
    super(backend, guard, clock);
    this.#backend = backend;
    this.address = address;
  }

  /** Rows of a request; infinite where it takes any number. */
  get rowsPerRequest(): number {
    return this.#backend.rowsPerRequest;
  }

  /** Why each row is a request of its own, though the server claims a batch of any size; undefined where it is not so. */
  get whyOneByOne(): string | undefined {
    return this.#backend.whyOneByOne;
  }
}

/**
 * Opens the model that a server has: reads what it says of the model, holds it against the spec, and has it score two
 * windows. What cannot work fails here, before the first record.
 *
 * @param uri `oip+http://HOST:PORT/MODEL[/versions/V]`, `tfs+http://HOST:PORT/MODEL[/versions/V | /labels/L]
 *   [?signature=NAME]`, or `http://...` with `request` and `response`; each with https too. User and password within it
 *   log in by basic authentication
 * @throws ANM_USAGE for another address, ANM_CONFIG for a request or response that cannot be used, ANM_MODEL_SPEC where
 *   server and spec differ, ANM_MODEL_OUTPUT for an answer without numbers, ANM_MODEL_SERVER for a server that is not
 *   there, too slow or failing, ANM_MODEL_UNKNOWN, ANM_AUTHENTICATION, ANM_AUTHORIZATION, ANM_PROTOCOL, ANM_TLS
 */
export async function openRemoteScorer(uri: string, options: RemoteModelOptions): Promise<RemoteModelScorer> {
  return await withProtocol(uri, options, async (http, protocol, spec, signal) => {
    const backend = await RemoteBackend.open(http, protocol, planOf(protocol, spec), signal);
    return new RemoteModelScorer(backend, protocol.address, options);
  });
}

/**
 * What the model reads and gives, by the configuration and by what its server tells. Nothing is scored.
 *
 * @throws as `openRemoteScorer`
 */
export async function readRemoteSpec(uri: string, options: RemoteModelOptions): Promise<ModelSpec> {
  return await withProtocol(uri, options, async (http, _protocol, spec) => {
    http.close();
    return spec;
  });
}

/** Opens the protocol and runs, within the time for the start. Where that fails, the connections are closed. */
async function withProtocol<Result>(
  uri: string,
  options: RemoteModelOptions,
  run: (http: HttpModel, protocol: RemoteProtocol, spec: ModelSpec, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { protocol: kind, url } = placeOf(uri);
  const server = new URL(url);
  if (kind === 'tfs') server.searchParams.delete('signature');
  const http = new HttpModel(server, options);
  const { startTimeoutMs } = options;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(tooLate(startTimeoutMs)), startTimeoutMs);
  try {
    const protocol = await openProtocol(kind, http, url, options, deadline.signal);
    const spec = completeSpec(shownModelUri(uri), protocol.metadata ?? new Map(), options.spec);
    return await run(http, protocol, kind === 'http' ? withPlainLayout(spec) : spec, deadline.signal);
  } catch (error) {
    http.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function placeOf(uri: string): { protocol: 'oip' | 'tfs' | 'http'; url: URL } {
  const parsed = parseModelUri(uri);
  if (parsed.kind === 'remote' && URL.canParse(parsed.url)) {
    return { protocol: parsed.protocol, url: new URL(parsed.url) };
  }
  throw new AnomalyError('ANM_USAGE', `cannot use ${shownModelUri(uri)} as a model server as it is no address`, {
    hint: 'as oip+http://HOST:PORT/MODEL, tfs+http://HOST:PORT/MODEL, or http://HOST:PORT/PATH',
  });
}

async function openProtocol(
  kind: 'oip' | 'tfs' | 'http',
  http: HttpModel,
  url: URL,
  { request, response }: RemoteModelOptions,
  signal: AbortSignal,
): Promise<RemoteProtocol> {
  if (kind === 'http') return new JsonEndpoint(http, url, request, response);
  const key = request !== undefined ? 'request' : response !== undefined ? 'response' : undefined;
  if (key !== undefined) {
    const message = `cannot use score.model.${key} with ${kind}+${url.protocol}//${url.host} as that protocol has its own`;
    throw new AnomalyError('ANM_CONFIG', message, {
      hint: `give the address as ${url.protocol}//..., or leave it out`,
    });
  }
  return kind === 'oip' ? await OipProtocol.open(http, url, signal) : await TfsProtocol.open(http, url, signal);
}

/** Nobody who writes JSON by hand puts a list around each number: windows of one field, and single records, are one list. */
function withPlainLayout(spec: ModelSpec): ModelSpec {
  const isOneList = spec.channels.length === 1 || spec.length === 0;
  return spec.layout === undefined && isOneList ? { ...spec, layout: 'flat' } : spec;
}

/** Holds what the server says against the spec. A side of which it says nothing is as the spec names it. */
function planOf({ address, tensors }: RemoteProtocol, spec: ModelSpec): RemotePlan {
  if (tensors.inputs.length === 0 && spec.input === undefined) {
    throw new AnomalyError('ANM_MODEL_SPEC', `${address} does not say what it reads, and the input has no name`, {
      hint: 'give score.model.input.name as the server calls it',
    });
  }
  const inputs = tensors.inputs.length > 0 ? tensors.inputs : [anyTensor(spec.input!, 'float32')];
  const outputs = tensors.outputs.length > 0 ? tensors.outputs : [anyTensor(spec.output ?? '', 'undefined')];
  const model = asModel({ inputs, outputs });
  const input = planInput(address, model, spec);
  return { spec, input, output: planOutput(address, model, spec).tensor };
}

function tooLate(ms: number): Error {
  const message = `there is no answer within ${ms} ms (models.request_timeout)`;
  return Object.assign(new Error(message), { name: 'TimeoutError' });
}
