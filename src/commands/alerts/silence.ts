import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Matcher, matcherText, parseMatcher, type Silence } from '../../alerts/stage/silences.ts';
import { AnomalyError } from '../../errors.ts';
import { formatTime } from '../../output/format.ts';
import { userName } from '../../platform/userName.ts';
import { parseUtcTime } from '../../platform/utcTime.ts';
import { readOrders, writeOrder } from '../../runtime/alerts/alertOrders.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';

const HOUR_MS = 3_600_000;

/** `alerts silence add|ls|rm`. */
export async function runAlertsSilence(context: CommandContext): Promise<number> {
  const [verb, ...rest] = context.args;
  if (verb === 'add') return await add(context, rest);
  if (verb === 'ls' && rest.length === 0) return await list(context);
  if (verb === 'rm' && rest.length > 0) return await remove(context, rest);
  const got = verb === undefined ? 'nothing' : context.args.join(' ');
  throw new AnomalyError('ANM_USAGE', `alerts silence wants add MATCHER..., ls, or rm ID..., got ${got}`);
}

async function add(context: CommandContext, texts: readonly string[]): Promise<number> {
  const { flags, now, output, logger } = context;
  if (texts.length === 0) {
    throw new AnomalyError('ANM_USAGE', 'a silence wants at least one matcher', {
      hint: "as in anomaly alerts silence add 'series=~pump-.*' --for 2h --comment 'new bearings'",
    });
  }
  if (flags['for'] !== undefined && flags['to'] !== undefined) {
    throw new AnomalyError('ANM_USAGE', 'a silence ends by --for or by --to, not by both');
  }
  const startsMs = timeOf(flags['from'] as string | undefined, 'from') ?? now();
  const endsMs =
    timeOf(flags['to'] as string | undefined, 'to') ?? startsMs + ((flags['for'] as number | undefined) ?? HOUR_MS);
  if (endsMs <= Math.max(startsMs, now())) {
    throw new AnomalyError(
      'ANM_USAGE',
      `the silence would end at ${formatTime(endsMs)}, before it begins or before now`,
    );
  }
  const silence: Silence = {
    id: randomUUID(),
    matchers: texts.map(matcherOf),
    ...{ startsMs, endsMs, by: `${userName()}@${hostname()}`, comment: (flags['comment'] as string | undefined) ?? '' },
  };
  await withClient(context, (client, pipeline) => writeOrder(client, pipeline, { type: 'silence', silence }, now()));
  await output.document(silence, () => silence.id);
  logger.info(`from ${formatTime(startsMs)} to ${formatTime(endsMs)}`);
  return 0;
}

async function list(context: CommandContext): Promise<number> {
  const { flags, now, output } = context;
  const orders = await withClient(context, (client, pipeline) => readOrders(client, pipeline));
  const rows = orders
    .flatMap((order) => (order.type === 'silence' ? [order.silence] : []))
    .filter(({ endsMs }) => flags['all'] === true || endsMs > now())
    .map((silence) => ({ ...silence, state: stateOf(silence, now()) }))
    .sort((a, b) => a.startsMs - b.startsMs);
  await output.table('silences', rows, [
    { header: 'ID', value: (row) => row.id },
    { header: 'STATE', value: (row) => row.state },
    { header: 'MATCHERS', value: (row) => row.matchers.map(matcherText).join(' ') },
    { header: 'STARTS', value: (row) => formatTime(row.startsMs) },
    { header: 'ENDS', value: (row) => formatTime(row.endsMs) },
    { header: 'BY', value: (row) => row.by },
    { header: 'COMMENT', value: (row) => row.comment },
  ]);
  return 0;
}

async function remove(context: CommandContext, ids: readonly string[]): Promise<number> {
  const { now, output } = context;
  await withClient(context, async (client, pipeline) => {
    const orders = await readOrders(client, pipeline);
    for (const id of ids) {
      if (orders.some((order) => order.type === 'silence' && order.silence.id === id)) continue;
      throw new AnomalyError('ANM_USAGE', `there is no silence ${id}`, {
        hint: 'anomaly alerts silence ls --all lists them',
      });
    }
    for (const id of ids) await writeOrder(client, pipeline, { type: 'removed', of: 'silence', id }, now());
  });
  await output.document({ removed: ids }, () => `removed ${ids.join(', ')}`);
  return 0;
}

function stateOf({ startsMs, endsMs }: Silence, nowMs: number): string {
  if (nowMs < startsMs) return 'pending';
  return nowMs < endsMs ? 'active' : 'expired';
}

function matcherOf(text: string): Matcher {
  const matcher = parseMatcher(text);
  if ('problem' in matcher) throw new AnomalyError('ANM_USAGE', matcher.problem);
  return matcher;
}

function timeOf(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const timeMs = parseUtcTime(text);
  if (timeMs === null)
    throw new AnomalyError('ANM_USAGE', `--${flag} wants a time as 2026-01-31T08:00:00Z, got ${text}`);
  return timeMs;
}

async function withClient<T>(
  context: CommandContext,
  use: (client: Awaited<ReturnType<typeof connectClient>>, pipeline: string) => Promise<T>,
): Promise<T> {
  const { pipeline } = context.settings.pipeline();
  const client = await connectClient(context);
  try {
    return await use(client, pipeline);
  } finally {
    await client.close();
  }
}
