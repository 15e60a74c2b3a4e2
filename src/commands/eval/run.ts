import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AnomalyError } from '../../errors.ts';
import { baselines } from '../../eval/baselines.ts';
import { baselineCandidate } from '../../eval/candidates.ts';
import { type Comparison, compareDetectors } from '../../eval/compare.ts';
import { type Candidate, evaluate } from '../../eval/evaluate.ts';
import { PagePlots } from '../../eval/html/plots.ts';
import { EVENT_RULES } from '../../eval/metrics/events.ts';
import type { DetectorReport, EvaluationReport } from '../../eval/report.ts';
import type { CommandContext } from '../command.ts';
import { stoppedCode } from '../lifecycle.ts';
import { operandConfig, settingsConfig, withoutParts } from './configs.ts';
import type { LoadedSuite } from './files.ts';
import { type LinkedConfig, linkModel } from './model.ts';
import type { NamedConfig } from './namedConfig.ts';
import { openSuite } from './open.ts';
import { readReport } from './reports.ts';
import { comparisonText, reportText } from './text.ts';

/** `eval`: scores series by the detectors asked for, and prints what that was worth. */
export async function runEval(context: CommandContext): Promise<number> {
  const { paths, operands } = argumentsOf(context);
  if (operands.length > 0 && operands.every(isSaved)) {
    const reports = await Promise.all(operands.map((path) => readReport(path, context.cwd)));
    await printComparison(context, compareReports(context, reports));
    return 0;
  }
  const live = operands.filter((operand) => !isSaved(operand));
  const configs =
    operands.length === 0
      ? withParts(context, settingsConfig(context))
      : await Promise.all(live.map((operand) => operandConfig(context, operand)));
  const linked: LinkedConfig[] = [];
  try {
    for (const config of configs) linked.push(await linkModel(context, config));
    return await evaluated(context, paths, linked, operands);
  } finally {
    for (const each of linked) await each.close();
  }
}

async function evaluated(
  context: CommandContext,
  paths: readonly string[],
  linked: readonly LinkedConfig[],
  operands: readonly string[],
): Promise<number> {
  const { signal, cwd } = context;
  const { suite, candidates } = await openSuite(context, paths, linked);
  if (signal.aborted) return stoppedCode(signal);
  refuseEmpty(context, suite);
  const report = await measured(context, suite, candidates, operands.length === 0);
  if (report === undefined) return stoppedCode(signal);
  if (operands.length === 0) {
    await print(context, report);
    return 0;
  }
  const saved = await Promise.all(operands.map((path) => (isSaved(path) ? readReport(path, cwd) : undefined)));
  const remaining = [...report.detectors];
  const [a, b] = saved.map((each) => (each === undefined ? remaining.shift()! : firstDetector(each)));
  await printComparison(context, compareDetectors(a!, b!, seedOf(context)), report);
  return 0;
}

/** Whether an operand of --compare is a saved report. */
function isSaved(operand: string): boolean {
  return /\.json$/.test(operand);
}

/** --parts: beside the detector, it without each of its parts. */
function withParts({ flags }: CommandContext, named: NamedConfig): NamedConfig[] {
  return flags['parts'] === true ? [named, ...withoutParts(named)] : [named];
}

/** --compare takes all words that follow it: the first two are its own. */
function argumentsOf({ args, flags }: CommandContext): { paths: readonly string[]; operands: readonly string[] } {
  const words = (flags['compare'] as string[] | undefined) ?? [];
  const operands = words.slice(0, 2);
  if (words.length === 1) {
    throw new AnomalyError('ANM_USAGE', `--compare wants two names, got only ${words[0]}`, {
      hint: 'two detectors, two .yaml files or two saved .json reports: --compare kpi rolling-z',
    });
  }
  return { paths: [...args, ...words.slice(2)], operands };
}

function refuseEmpty({ flags }: CommandContext, { name, series }: LoadedSuite): void {
  if (series.some(({ times }) => times.length > 0)) return;
  const why =
    flags['series'] === undefined ? 'it has no rows' : `no series is ${(flags['series'] as string[]).join(' or ')}`;
  throw new AnomalyError('ANM_BAD_DATA', `cannot evaluate ${name} as ${why}`, { hint: 'check the path and --series' });
}

function seedOf({ flags }: CommandContext): number {
  return (flags['seed'] as number | undefined) ?? 1;
}

/** Undefined where a signal came. */
async function measured(
  context: CommandContext,
  suite: LoadedSuite,
  detectors: readonly Candidate[],
  besideBaselines: boolean,
): Promise<EvaluationReport | undefined> {
  const { flags, progress, signal } = context;
  const seed = seedOf(context);
  const beside = besideBaselines && suite.isLabelled && flags['baselines'] !== false ? baselines(seed) : [];
  const { shaping } = detectors[0]!;
  const candidates = [...detectors, ...beside.map((baseline) => baselineCandidate(baseline, shaping))];
  const htmlPath = flags['html'] as string | undefined;
  const plots = htmlPath === undefined ? undefined : new PagePlots(suite.series, detectors[0]!.name, EVENT_RULES);
  try {
    const report = await evaluate(suite.series, candidates, {
      ...{ suite: suite.name, isLabelled: suite.isLabelled, rules: EVENT_RULES, seed, isNab: suite.isNab },
      now: () => performance.now(),
      onSeries: async (name, done, of) => {
        progress.update(() => `${name}: ${done} of ${of} series`);
        await setImmediate();
        if (signal.aborted) throw new Stopped();
      },
      ...(plots !== undefined && { onScored: plots.take.bind(plots) }),
    });
    progress.end();
    if (htmlPath !== undefined) await writePage(context, htmlPath, plots!.page(report));
    return report;
  } catch (error) {
    progress.end();
    if (error instanceof Stopped) return undefined;
    throw error;
  }
}

/** The user asked to stop between two series. */
class Stopped extends Error {}

async function writePage({ cwd, logger }: CommandContext, path: string, page: string): Promise<void> {
  try {
    await writeFile(resolve(cwd, path), page);
  } catch (cause) {
    throw new AnomalyError('ANM_FILE', `cannot write ${path} as ${(cause as Error).message}`, {
      cause,
      hint: 'give --html a path in a folder that exists and that you may write to',
    });
  }
  logger.info(`wrote ${path}`);
}

function compareReports(context: CommandContext, [a, b]: readonly EvaluationReport[]): Comparison {
  if (a!.suite !== b!.suite) {
    context.logger.warn(`the reports are of ${a!.suite} and of ${b!.suite}: series are paired by name`);
  }
  return compareDetectors(firstDetector(a!), firstDetector(b!), seedOf(context));
}

function firstDetector(report: EvaluationReport): DetectorReport {
  return report.detectors.find(({ role }) => role === 'detector') ?? report.detectors[0]!;
}

async function print({ output }: CommandContext, report: EvaluationReport): Promise<void> {
  await output.document(report, () => reportText(report, { wide: output.format === 'wide', color: output.color }));
}

async function printComparison(
  { output }: CommandContext,
  comparison: Comparison,
  report?: EvaluationReport,
): Promise<void> {
  const style = { wide: output.format === 'wide', color: output.color };
  await output.document({ ...comparison, ...(report !== undefined && { report }) }, () =>
    [...(report === undefined ? [] : [reportText(report, style)]), comparisonText(comparison, style)].join('\n\n'),
  );
}
