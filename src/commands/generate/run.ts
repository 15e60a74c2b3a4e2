import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import { alertmanagerConfig, RECEIVERS, type Receiver, type Receivers } from '../../generate/alertmanager.ts';
import { composeFiles } from '../../generate/compose/compose.ts';
import { dockerfile } from '../../generate/dockerfile.ts';
import { type GeneratedFile, slugOf, type Target } from '../../generate/generated.ts';
import { grafanaDashboard } from '../../generate/grafana/dashboard.ts';
import { kubernetesManifests } from '../../generate/kubernetes.ts';
import type { Objectives } from '../../generate/prometheus/objectives.ts';
import { prometheusRules } from '../../generate/prometheus/rules.ts';
import { systemdUnit } from '../../generate/systemd.ts';
import { toolVersion } from '../../platform/version.ts';
import type { CommandContext } from '../command.ts';

/** `generate WHAT`: to stdout, or to files that are not there yet. */
export async function runGenerate(context: CommandContext, what: string): Promise<number> {
  const { flags, cwd, output, logger } = context;
  const config = context.settings.pipeline();
  const needsFile = what === 'compose' || what === 'kubernetes';
  const target = targetOf(context, config, needsFile ? await configTextOf(context, what) : undefined);
  if (what === 'kubernetes' && !/^(s3|webhdfs):/.test(config.checkpoint.store)) {
    logger.warn(
      'checkpoint.store is no address that every pod reaches: a partition that moves begins without its state',
    );
  }
  const files = filesOf(context, what, target);
  const texts = await Promise.all(files.map(textOf));
  const all = files.map(({ path }, i) => ({ path, text: texts[i]! }));
  const to = flags['to'] as string | undefined;
  if (to === undefined) {
    if (all.length > 1 && output.format === 'text') {
      logger.info(
        `beside it there are ${all
          .slice(1)
          .map(({ path }) => path)
          .join(', ')}: --to DIRECTORY writes all`,
      );
    }
    await output.document({ files: all }, () => all[0]!.text.trimEnd());
    return 0;
  }
  const written = await writeAll(all, resolve(cwd, to), flags['force'] === true);
  await output.document({ written }, () => written.map((path) => `wrote ${path}`).join('\n'));
  return 0;
}

function filesOf({ flags }: CommandContext, what: string, target: Target): GeneratedFile[] {
  const text = (name: string) => flags[name] as string;
  switch (what) {
    case 'prometheus-rules':
      return prometheusRules(target, objectivesOf(flags), flags['tests'] === true);
    case 'grafana-dashboard':
      return [grafanaDashboard(target)];
    case 'alertmanager':
      return [alertmanagerConfig(receiversOf(flags))];
    case 'compose':
      return composeFiles(target, objectivesOf(flags), receiversOf(flags));
    case 'dockerfile':
      return [dockerfile(target)];
    case 'systemd':
      return [systemdUnit(target, text('bin') ?? '/usr/local/bin/anomaly')];
    default:
      return [
        kubernetesManifests(target, {
          image: text('image') ?? `anomaly:${target.toolVersion}`,
          replicas: atLeast(flags, 'replicas', 2, 1),
          serviceMonitor: flags['serviceMonitor'] === true,
        }),
      ];
  }
}

function targetOf({ flags }: CommandContext, config: PipelineConfig, configText: string | undefined): Target {
  const { pipeline, source, checkpoint, operation, score } = config;
  const slug = slugOf(pipeline);
  const port = Number(operation.metrics.listen.split(':').at(-1));
  return {
    ...{ pipeline, slug, topics: source.topics },
    // Port 0 is any free one: nobody could scrape it.
    metricsPort: port > 0 ? port : METRICS_PORT,
    job: (flags['job'] as string | undefined) ?? `anomaly-${slug}`,
    hasModel: score?.model !== undefined,
    checkpointEveryMs: checkpoint.everyMs,
    ...(configText !== undefined && { configText }),
    toolVersion: toolVersion(),
    runbooks: (flags['runbooks'] as string | undefined) ?? 'docs/monitoring.md',
  };
}

/** The project file as it stands: passwords in it are references. @throws ANM_CONFIG where there is none */
async function configTextOf({ settings }: CommandContext, what: string): Promise<string> {
  const file = settings.files.find(({ kind }) => kind === 'project file');
  if (file?.found === true) return await readFile(file.path, 'utf8');
  throw new AnomalyError('ANM_CONFIG', `cannot generate ${what} as there is no anomaly.yaml for it to hold`, {
    hint: 'anomaly config init writes one; -f names another file',
  });
}

function objectivesOf(flags: CommandContext['flags']): Objectives {
  const speedUp = (flags['speedUp'] as number | undefined) ?? 1;
  if (!(speedUp >= 1)) throw usage(`cannot divide windows by ${speedUp}`, '--speed-up takes 1 or more');
  if (speedUp !== 1 && flags['tests'] === true) {
    throw usage('cannot write tests for rules that are sped up', 'leave out --tests or --speed-up');
  }
  return {
    within100ms: share(flags, 'within100ms', '--within-100ms', 0.99),
    within1s: share(flags, 'within1s', '--within-1s', 0.999),
    availability: share(flags, 'availability', '--availability', 0.95),
    lag: share(flags, 'lagObjective', '--lag-objective', 0.99),
    lagBoundSeconds: atLeast(flags, 'lagBound', 30_000, 1) / 1000,
    minEvents: atLeast(flags, 'minEvents', 10, 1),
    speedUp,
  };
}

/** Fourteen times the budget has to be less than all: below .94 the fastest alert could never fire. */
function share(flags: CommandContext['flags'], name: string, flag: string, otherwise: number): number {
  const value = (flags[name] as number | undefined) ?? otherwise;
  if (value >= 0.94 && value <= 0.99999) return value;
  throw usage(
    `cannot hold ${flag} ${value}`,
    'give a share between .94 and .99999: with less, 14.4 times the budget is more than everything',
  );
}

function atLeast(flags: CommandContext['flags'], name: string, otherwise: number, least: number): number {
  const value = (flags[name] as number | undefined) ?? otherwise;
  if (value >= least) return value;
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw usage(`--${flag} must be at least ${least}, got ${value}`, 'see anomaly generate --help');
}

function receiversOf(flags: CommandContext['flags']): Receivers {
  const named = flags['receiver'] as readonly Receiver[] | undefined;
  return {
    receivers: named === undefined ? ['pagerduty', 'slack'] : RECEIVERS.filter((each) => named.includes(each)),
    slackChannel: (flags['slackChannel'] as string | undefined) ?? '#alerts',
    webhookUrl: (flags['webhookUrl'] as string | undefined) ?? 'http://127.0.0.1:8080/alerts',
    secretsDir: ((flags['secretsDir'] as string | undefined) ?? '/etc/alertmanager/secrets').replace(/\/+$/, ''),
  };
}

async function textOf({ about, content }: GeneratedFile): Promise<string> {
  if ('json' in content) return `${JSON.stringify(content.json, null, 2)}\n`;
  const comment = about.map((line) => `# ${line}\n`).join('');
  if ('text' in content) return comment + content.text;
  const { stringify } = await import('../../config/yamlLibrary.ts');
  const documents = content.yaml.map((each) => stringify(each, { lineWidth: 0, aliasDuplicateObjects: false }));
  return comment + documents.join('---\n');
}

/** One file under its usual name in a directory that is there, else under the name given; several in a directory. */
async function writeAll(
  files: readonly { path: string; text: string }[],
  to: string,
  force: boolean,
): Promise<readonly string[]> {
  const isDirectory = files.length > 1 || (await stat(to).catch(() => undefined))?.isDirectory() === true;
  const placed = files.map(({ path, text }) => ({ path: isDirectory ? join(to, path) : to, text }));
  if (!force) {
    for (const { path } of placed) {
      if ((await stat(path).catch(() => undefined)) !== undefined) throw unwritable(path, undefined);
    }
  }
  for (const { path, text } of placed) {
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text, { flag: force ? 'w' : 'wx' });
    } catch (cause) {
      throw unwritable(path, cause as NodeJS.ErrnoException);
    }
  }
  return placed.map(({ path }) => path);
}

function unwritable(path: string, cause: NodeJS.ErrnoException | undefined): AnomalyError {
  const isThere = cause === undefined || cause.code === 'EEXIST';
  return new AnomalyError('ANM_CONFIG', `cannot write ${path}${isThere ? ' as it is already there' : ''}`, {
    ...(cause !== undefined && { cause }),
    hint: isThere
      ? 'use --force to replace it'
      : `choose a directory that can be written, not ${basename(dirname(path))}`,
  });
}

function usage(message: string, hint: string): AnomalyError {
  return new AnomalyError('ANM_USAGE', message, { hint });
}

/** Where /metrics is when the configuration names no port: that of OpenTelemetry's exporter for Prometheus. */
const METRICS_PORT = 9464;
