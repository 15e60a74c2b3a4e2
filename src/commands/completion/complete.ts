import type { KafkaClient } from '../../clients/client.ts';
import type { Settings } from '../../config/settings.ts';
import { rpkFile } from '../../platform/paths.ts';
import type { Command, ProcessIo } from '../command.ts';
import { createContext } from '../context.ts';
import { parseArguments } from '../program.ts';
import { VALUE_KINDS, type ValueKind } from './valueKinds.ts';

/** Who types waits for no longer. */
const CAP_MS = 300;

/**
 * `anomaly __complete KIND PREFIX WORD...`, for the scripts of `anomaly completion`: the names that begin with the prefix,
 * one a line. The words are those of the line so far, so that its --brokers, --profile and -f count. Silent, with exit 0,
 * where there is nothing to be had in time.
 */
export async function complete(words: readonly string[], io: ProcessIo): Promise<number> {
  const [kind, prefix = '', ...line] = words;
  if (!(VALUE_KINDS as readonly string[]).includes(kind ?? '')) return 0;
  let timer: NodeJS.Timeout | undefined;
  try {
    const ask = await asking(kind as ValueKind, line, io);
    const cap = new Promise<readonly string[]>((resolve) => {
      timer = setTimeout(() => resolve([]), CAP_MS);
    });
    const names = await Promise.race([ask(), cap]);
    const found = [...new Set(names)].filter((name) => name.startsWith(prefix)).sort();
    if (found.length > 0)
      await new Promise<void>((resolve) => io.stdout.write(`${found.join('\n')}\n`, () => resolve()));
  } catch {
    // What is half typed may be wrong, and the broker away: nobody asked for a message.
  } finally {
    clearTimeout(timer);
  }
  return 0;
}

/** All that is loaded and read first, so that the cap is for the cluster alone. */
async function asking(
  kind: ValueKind,
  line: readonly string[],
  io: ProcessIo,
): Promise<() => Promise<readonly string[]>> {
  if (kind === 'profiles') return () => profileNames(io.env);
  const request = parseArguments([VALUES], ['values', ...connectionWords(line)]);
  if (request.kind !== 'run') return async () => [];
  const { settings, cwd } = await createContext(request.command, [], request.raw, io, new AbortController().signal);
  const [{ connect }, { clientOptions }] = await Promise.all([
    import('../../clients/connect.ts'),
    import('../connections.ts'),
    import('../../clients/platformatic/client.ts'),
    import('../../clients/platformatic/library.ts'),
  ]);
  const timeouts = { dialTimeoutMs: CAP_MS, requestTimeoutMs: CAP_MS, retryTimeoutMs: CAP_MS };
  return async () => {
    const client = await connect({ ...clientOptions(settings, cwd), ...timeouts });
    return await askFor(kind, client, settings).finally(() => client.close());
  };
}

async function askFor(kind: Exclude<ValueKind, 'profiles'>, { admin }: KafkaClient, settings: Settings) {
  if (kind === 'groups') return (await admin.groups()).map(({ groupId }) => groupId);
  const topics = (await admin.topics()).filter(({ internal }) => !internal).map(({ name }) => name);
  if (kind === 'topics') return topics;
  // A pipeline is known by the topics by which it is looked at and commanded, and by the file here.
  const all = new Set(topics);
  const running = topics
    .filter((name) => name.endsWith('.status') && all.has(name.replace(/status$/, 'control')))
    .map((name) => name.slice(0, -'.status'.length));
  const here = settings.problems.length === 0 ? settings.optionalString('pipeline') : undefined;
  return here === undefined ? running : [...running, here];
}

async function profileNames(env: ProcessIo['env']): Promise<readonly string[]> {
  const { readYamlFile } = await import('../../config/yamlFile.ts');
  const root = (await readYamlFile(rpkFile(env)))?.root as { profiles?: { name?: unknown }[] } | undefined;
  return (root?.profiles ?? []).flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
}

const FILE_OPTION = { flags: '-f, --file <path>', summary: 'anomaly.yaml', key: 'config' } as const;

const VALUES: Command = {
  name: 'values',
  group: 'Setup',
  summary: 'names for completion',
  options: [FILE_OPTION],
  examples: [],
  takesBrokenSettings: true,
  run: async () => 0,
};

const CONNECTION_FLAGS = new Set('--brokers --client --config --profile --password-file --set -X --file -f'.split(' '));

/** The words that say where the cluster is. */
function connectionWords(line: readonly string[]): string[] {
  const words: string[] = [];
  for (const [i, word] of line.entries()) {
    if (word === '--ignore-profile' || CONNECTION_FLAGS.has(word.split('=', 1)[0]!)) {
      words.push(word);
      const value = line[i + 1];
      if (CONNECTION_FLAGS.has(word) && value !== undefined) words.push(value);
    }
  }
  return words;
}
