import { AnomalyError } from '../../errors.ts';
import type { CommandContext } from '../command.ts';
import { sendControl } from '../control/send.ts';

/** `checkpoint create`: a savepoint, by the control topic. */
export async function runCheckpointCreate(context: CommandContext): Promise<number> {
  const { args, flags, settings } = context;
  const name = flags['name'] as string | undefined;
  if (name === undefined) {
    throw new AnomalyError('ANM_USAGE', 'cannot create a savepoint without --name', {
      hint: 'as --name before-upgrade',
    });
  }
  const { pipeline, source } = settings.pipeline();
  if (args[0] === undefined && source.topics.length === 0 && settings.optionalString('pipeline') === undefined) {
    throw new AnomalyError(
      'ANM_USAGE',
      'cannot create a savepoint as neither an argument nor anomaly.yaml names the pipeline',
    );
  }
  return await sendControl({ ...context, args: [args[0] ?? pipeline] }, 'savepoint', name);
}
