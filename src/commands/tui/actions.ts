import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError } from '../../errors.ts';
import type { MemberStatus, StatusSource, StatusTopics } from '../../observe/status.ts';
import type { AnomalyView, SeriesView, TuiActions } from '../../observe/watch/snapshot.ts';
import { requireApplied } from '../../runtime/control/send.ts';
import type { Watcher } from '../../runtime/watch/watcher.ts';
import type { CommandContext } from '../command.ts';
import { answerText, DEFAULT_WAIT_MS, type Order, order, orderedModel } from '../control/send.ts';
import { isOfWindows, type Located, valuesAround } from '../explain/values.ts';
import { readingConfig } from '../watchedSource.ts';

const WAIT = { timeoutMs: DEFAULT_WAIT_MS, timeoutName: 'the time for answers' };
/** Values of the series before and after the anomaly, as `explain` has them. */
const SPAN = { before: 80, after: 20 };

/** What the keys of the screen do: through the control topic, as `anomaly control` does. */
export function tuiActions(context: CommandContext, watcher: Watcher): TuiActions {
  const give = async (pipeline: string, given: Order): Promise<string> => {
    const { command, answered } = await order(context, connected(watcher), pipeline, given, WAIT);
    requireApplied(command, answered);
    return answered.map(answerText).join('; ');
  };
  return {
    savepoint: (pipeline, name) => give(pipeline, { verb: 'savepoint', name }),
    promote: async (pipeline, model) => give(pipeline, { verb: 'promote', model: await orderedModel(context, model) }),
    pause: (pipeline) => give(pipeline, { verb: 'pause' }),
    resume: (pipeline) => give(pipeline, { verb: 'resume' }),
    stop: (pipeline, savepoint) => give(pipeline, { verb: 'stop', ...(savepoint !== null && { name: savepoint }) }),
    series: (anomaly) => seriesOf(context, watcher, anomaly),
  };
}

function connected({ client }: Watcher): KafkaClient {
  if (client !== undefined) return client;
  throw new AnomalyError('ANM_BROKER_UNREACHABLE', 'cannot ask the cluster for anything while it is away');
}

/** The values around an anomaly; where there are none, why. */
async function seriesOf(context: CommandContext, watcher: Watcher, anomaly: AnomalyView): Promise<SeriesView> {
  const none = (problem: string): SeriesView => ({ anomaly, points: [], problem });
  const { pipeline, topic, partition, offset } = anomaly;
  const alert: Located = {
    ...{ ...anomaly, start: anomaly.timeMs, end: anomaly.endMs, record_time: anomaly.recordTimeMs },
  };
  const told = toldBy(watcher.statuses, pipeline);
  if (told === undefined) {
    return none(`no member of ${pipeline} that is known tells how it reads ${topic}: anomaly explain ${anomaly.id}`);
  }
  const config = readingConfig(pipeline, told.source, told.topics);
  if (isOfWindows(alert) && told.topics.windows === null && told.topics.sources.length === 0) {
    return none(`${pipeline} keeps no windows`);
  }
  try {
    const { values } = await valuesAround(context, connected(watcher), config, alert, SPAN);
    const points = values.map(({ time, value }) => ({ timeMs: time, value: value ?? Number.NaN }));
    if (points.length > 0) return { anomaly, points, problem: null };
    return none(
      `${topic}/${partition} around offset ${offset} has no values of the series: retention may have removed them`,
    );
  } catch (error) {
    return none((error as Error).message);
  }
}

/** How the pipeline reads, by the newest member that tells it. */
function toldBy(
  statuses: readonly MemberStatus[],
  pipeline: string,
): { source: StatusSource; topics: StatusTopics } | undefined {
  const telling = statuses
    .filter((each) => each.pipeline === pipeline && each.topics?.anomalies != null)
    .sort((a, b) => b.atMs - a.atMs);
  const [newest] = telling;
  if (newest?.topics === undefined) return undefined;
  return { source: newest.source ?? WINDOWS_ALONE, topics: newest.topics };
}

/** A member that scores windows reads no records. */
const WINDOWS_ALONE: StatusSource = { key: null, time: null, format: 'auto', columns: [], fields: [], derived: [] };
