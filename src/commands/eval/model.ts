import type { LinkedPipeline, ModelLink } from '../../eval/modelLink.ts';
import { ModelDispatch } from '../../runtime/model/modelDispatch.ts';
import { modelOptions } from '../../runtime/model/modelOptions.ts';
import type { CommandContext } from '../command.ts';
import { openScorers, withModelReads } from '../scoreModel.ts';
import type { NamedConfig } from './namedConfig.ts';

/** A configuration with the model that it names, opened. */
export interface LinkedConfig {
  readonly named: NamedConfig;
  /** Absent where it has no model. */
  readonly model?: ModelLink;
  close(): Promise<void>;
}

/** An evaluation asks what a model says, not how fast this machine is: it waits so long for an answer. */
const PATIENCE_MS = 120_000;

/** Opens the model of a configuration. @throws ANM_MODEL_* */
export async function linkModel(context: CommandContext, named: NamedConfig): Promise<LinkedConfig> {
  const { model } = named.config.score!;
  if (model === undefined) return { named, close: async () => {} };
  // What is evaluated is the model: no challenger is beside it, and none in its place.
  const { shadow: _, canary: __, ...alone } = model;
  const score = { ...named.config.score!, model: { ...alone, timeoutMs: PATIENCE_MS } };
  const config = await withModelReads(context, { ...named.config, score });
  const scorers = await openScorers(context, config, context.logger);
  const dispatch = new ModelDispatch(
    modelOptions(config, scorers, context.logger, {
      now: context.now,
      ticks: () => performance.now(),
      untilEnd: true,
    })!,
  );
  return {
    named: { ...named, config },
    model: { open: (pipeline, onFused) => linked(dispatch, pipeline, onFused) },
    close: async () => await scorers?.close(),
  };
}

function linked(
  dispatch: ModelDispatch,
  pipeline: Parameters<ModelLink['open']>[0],
  onFused: () => void,
): LinkedPipeline {
  const scores = dispatch.open(pipeline, 'the series', onFused);
  return {
    drain: async () => {
      scores.advance();
      for (let waits = dispatch.drained(); waits !== undefined; waits = dispatch.drained()) await waits;
      dispatch.throwFailure();
      // There is no journal to know of them.
      scores.drafts(0);
    },
    close: () => dispatch.drop(scores),
  };
}
