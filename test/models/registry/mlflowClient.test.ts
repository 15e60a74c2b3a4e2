// What MLflow, or what is there in its place, may answer; the contract itself runs on a real MLflow, in a tier.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { MlflowClient, type MlflowOptions } from '../../../src/models/registry/mlflowClient.ts';
import { proxiedPath } from '../../../src/models/registry/mlflowRegistry.ts';

async function withServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<MlflowOptions>,
  body: (client: MlflowClient, url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new MlflowClient({ url: `${url}/`, timeoutMs: 10_000, ...options });
  try {
    await body(client, url);
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
}

const ask = (client: MlflowClient) => client.call('GET', 'registered-models/get', { name: 'pump & co' });

test('credentials go as Basic or as a bearer token, and into no message', async () => {
  const seen: (string | undefined)[] = [];
  const refuse = (request: IncomingMessage, response: ServerResponse) => {
    seen.push(request.headers.authorization);
    response.writeHead(401, { 'content-type': 'text/plain' }).end('You are not authenticated.');
  };
  for (const options of [{ user: 'ann', password: 'secret-1' }, { token: 'secret-2', user: 'ann' }, {}]) {
    await withServer(refuse, options, async (client, url) => {
      await assert.rejects(ask(client), (error: Error & { code: string; hint: string }) => {
        assert.equal(error.code, 'ANM_AUTHENTICATION');
        const message = `cannot GET registered-models/get at MLflow ${url} as it does not take the credentials (HTTP 401)`;
        assert.equal(error.message, message);
        assert.match(error.hint, /models\.mlflow\.user/);
        return true;
      });
    });
  }
  assert.deepEqual(seen, [`Basic ${Buffer.from('ann:secret-1').toString('base64')}`, 'Bearer secret-2', undefined]);
});

test('refusals, failures, answers of another server and none at all are told apart', async () => {
  const json = (status: number, value: unknown) => (_: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const page = (_: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(200).end('<html>\n<body>Hello');
  const cases: [(request: IncomingMessage, response: ServerResponse) => void, string, RegExp][] = [
    [
      json(403, { error_code: 'PERMISSION_DENIED', message: 'no' }),
      'ANM_AUTHORIZATION',
      /does not allow that \(HTTP 403\)/,
    ],
    [
      json(400, { error_code: 'INVALID_PARAMETER_VALUE', message: 'bad' }),
      'ANM_PROTOCOL',
      /INVALID_PARAMETER_VALUE: bad$/,
    ],
    [json(503, { error_code: 'TEMPORARILY_UNAVAILABLE', message: 'later' }), 'ANM_MODEL_REGISTRY', /later$/],
    [page, 'ANM_PROTOCOL', /does not answer GET registered-models\/get as MLflow does: <html> <body>Hello$/],
    [(request) => request.socket.destroy(), 'ANM_MODEL_REGISTRY', /broke the connection/],
    [() => {}, 'ANM_MODEL_REGISTRY', /there is no answer within 40 ms \(models\.request_timeout\)/],
  ];
  for (const [answer, code, message] of cases) {
    const timeoutMs = code === 'ANM_MODEL_REGISTRY' && message.source.includes('40 ms') ? 40 : 10_000;
    await withServer(answer, { timeoutMs }, async (client) => {
      await assert.rejects(ask(client), { code, message });
    });
  }
});

test('names are escaped in queries and paths', async () => {
  const paths: (string | undefined)[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    paths.push(request.url);
    response.writeHead(200).end('{}');
  };
  await withServer(answer, {}, async (client) => {
    await ask(client);
    await client.getArtifact('1/ab c/model #1.onnx');
  });
  assert.deepEqual(paths, [
    '/api/2.0/mlflow/registered-models/get?name=pump%20%26%20co',
    '/api/2.0/mlflow-artifacts/artifacts/1/ab%20c/model%20%231.onnx',
  ]);
});

test('the path of an artifact as the proxy of MLflow knows it', () => {
  assert.equal(proxiedPath('mlflow-artifacts:/1/ab/artifacts/model'), '1/ab/artifacts/model');
  assert.equal(proxiedPath('mlflow-artifacts://host:5000/1/ab/artifacts/model/'), '1/ab/artifacts/model');
  assert.equal(proxiedPath('s3://bucket/1/ab'), undefined);
});
