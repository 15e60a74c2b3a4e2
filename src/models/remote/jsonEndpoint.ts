import { AnomalyError } from '../../errors.ts';
import type { TensorData } from '../runtime/tensorData.ts';
import { MODEL_ANSWER, nestedJson, parseAnswer, startOf } from './answerJson.ts';
import type { HttpModel } from './httpModel.ts';
import { anyTensor, type FedTensor, numberTensor, type RemoteProtocol, type RemoteTensors } from './remoteProtocol.ts';
import { RequestTemplate } from './requestTemplate.ts';
import { ResponsePath } from './responsePath.ts';

/** Any HTTP endpoint that takes JSON and answers JSON. It says nothing of itself: the configuration does. */
export class JsonEndpoint implements RemoteProtocol {
  readonly address: string;
  readonly name: string;
  readonly rowsPerRequest?: number;
  readonly tensors: RemoteTensors = {
    inputs: [anyTensor('windows', 'float32')],
    outputs: [anyTensor('response', 'undefined')],
  };
  readonly #http: HttpModel;
  readonly #path: string;
  readonly #request: RequestTemplate;
  readonly #response: ResponsePath;

  /** @throws ANM_CONFIG for a request or a response that cannot be understood, or is not given */
  constructor(http: HttpModel, url: URL, request: string | undefined, response: string | undefined) {
    this.address = http.shown(url.pathname);
    this.name = `${url.host}${url.pathname.replace(/\/$/, '')}`;
    this.#http = http;
    this.#path = url.pathname;
    this.#request = new RequestTemplate(given(this.address, 'score.model.request', request, '{"inputs": "$windows"}'));
    this.#response = new ResponsePath(given(this.address, 'score.model.response', response, 'predictions[*].score'));
    if (this.#request.isPerRow) this.rowsPerRequest = 1;
  }

  async infer({ dims, data }: FedTensor, _output: string, signal: AbortSignal): Promise<TensorData> {
    const windows = nestedJson(data, this.#request.isPerRow ? dims.slice(1) : dims);
    const body = await this.#http.send('POST', this.#path, this.#request.fill(windows), signal);
    const answer = parseAnswer(body, this.address);
    const numbers = this.#response.numbers(answer);
    if (numbers !== undefined) return numberTensor(numbers);
    const said = startOf(JSON.stringify(answer), MODEL_ANSWER);
    throw new AnomalyError(
      'ANM_MODEL_OUTPUT',
      `${this.address} answers no numbers at ${this.#response.text}: ${said}`,
      {
        hint: 'correct score.model.response, the path to the numbers of an answer',
      },
    );
  }
}

function given(address: string, key: string, value: string | undefined, example: string): string {
  if (value !== undefined) return value;
  throw new AnomalyError('ANM_CONFIG', `cannot use ${address} as a model as ${key} is not set`, {
    hint: `give it as ${example}; of servers that speak a known protocol, oip+http: and tfs+http: need none`,
  });
}
