import type { Command } from '../command.ts';
import { REGISTRY_OPTION } from './registry.ts';

export const modelServe: Command = {
  name: 'model serve',
  group: 'Setup',
  summary: 'Serve ONNX models over HTTP by the Open Inference Protocol v2',
  description:
    'MODEL is NAME@ALIAS, NAME/VERSION or NAME (its champion, else its newest version) of the registry, or an ONNX file;\n' +
    'without MODEL every model of the registry is served, by each of its aliases. Several versions of a name may be served:\n' +
    'the first is the one that is meant where a request names none, and an alias may stand for its version. Rows of\n' +
    'requests that wait at the same time share a run, where a probe at the start shows that the model takes it. An alias\n' +
    'is followed (--reload): the new version is loaded beside the old one.\n' +
    '\n' +
    'GET /v2, /v2/health/live, /v2/health/ready, /v2/models, /v2/models/NAME[/versions/VERSION][/ready], /metrics; POST\n' +
    '/v2/models/NAME[/versions/VERSION]/infer. Tensors of numbers, in JSON or as binary data as of Triton. There is no\n' +
    'authentication: listen where only those come who may.',
  arguments: [{ name: 'model', summary: 'NAME@ALIAS, NAME/VERSION, NAME, or an ONNX file', variadic: true }],
  options: [
    {
      flags: '--listen <address>',
      summary: 'host:port; port 0 for any free one',
      type: 'string',
      default: '127.0.0.1:8000',
    },
    {
      flags: '--max-batch <rows>',
      summary: 'most rows of a run that requests share; 1 for none',
      type: 'integer',
      default: 64,
    },
    {
      flags: '--max-delay <duration>',
      summary: 'how long a request waits for others while the model is free',
      type: 'duration',
      default: '0s',
    },
    { flags: '--max-rows <rows>', summary: 'most rows of one request', type: 'integer', default: 4096 },
    { flags: '--max-body <bytes>', summary: 'most bytes of one request', type: 'integer', default: 16_777_216 },
    {
      flags: '--max-in-flight <count>',
      summary: 'requests under way at once; more are answered 429',
      type: 'integer',
      default: 256,
    },
    {
      flags: '--reload <duration>',
      summary: 'how often aliases are looked at; 0s for never',
      type: 'duration',
      default: '10s',
    },
    {
      flags: '--drain-timeout <duration>',
      summary: 'how long an end by ^C or SIGTERM waits for what is under way',
      type: 'duration',
      default: '30s',
    },
    {
      flags: '--runtime <name>',
      summary: 'onnxruntime: auto takes the native one where it is installed',
      type: 'string',
      choices: ['auto', 'web', 'node'],
      default: 'auto',
    },
    {
      flags: '--threads <count>',
      summary: 'threads of one run; more than one pays for large models',
      type: 'integer',
      default: 1,
    },
    REGISTRY_OPTION,
  ],
  examples: [
    { command: 'anomaly model serve pump-lstm@champion', comment: 'what the alias points at, now and later' },
    { command: 'anomaly model serve pump.onnx --listen 127.0.0.1:9000', comment: 'a file' },
    {
      command: 'anomaly model serve --registry s3://models/plant --listen 0.0.0.0:8000 --max-delay 2ms',
      comment: 'every model of a bucket',
    },
  ],
  run: async (context) => {
    const { runModelServe } = await import('./serveRun.ts');
    return await runModelServe(context);
  },
};
