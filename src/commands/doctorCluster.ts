import { lookup } from 'node:dns/promises';
import { connect as openSocket } from 'node:net';
import type { Admin } from '../clients/client.ts';
import { createRegistry } from '../clients/registry.ts';
import type { CommandContext } from './command.ts';
import { clientOptions, connectClient, registryOptions } from './connections.ts';
import { type Finding, failure } from './doctorRun.ts';
import { checkCertificate, checkSecurity } from './doctorSecurity.ts';

/** Names and ports first, since their failures are the commonest, then the protocol, topics and the group. */
export async function checkBrokers(context: CommandContext): Promise<readonly Finding[]> {
  const { settings } = context;
  const dialTimeoutMs = settings.durationMs('dial_timeout');
  const addresses = settings.list('brokers');
  const dialled = await Promise.all(addresses.map((address) => dial(address, dialTimeoutMs)));
  const place = settings.origin('brokers').place || 'the default';
  const fix = `check --brokers (from ${place}), or start one with anomaly dev`;
  const findings: Finding[] = dialled.map((problem, i) => ({
    check: 'broker address',
    status: problem === null ? 'ok' : dialled.some((each) => each === null) ? 'warn' : 'fail',
    detail: problem ?? `${addresses[i]} accepts connections`,
    fix: problem === null ? null : fix,
  }));
  if (dialled.every((problem) => problem !== null)) return findings;
  try {
    findings.push(
      ...(await checkSecurity(
        context,
        addresses.filter((_, i) => dialled[i] === null),
      )),
    );
    findings.push(...(await checkCluster(context)));
  } catch (error) {
    findings.push(failure('broker', error));
  }
  return findings;
}

/** What is wrong with an address, or null. Which name and port failed is told apart from which protocol. */
async function dial(address: string, dialTimeoutMs: number): Promise<string | null> {
  const match = /^\[?([^\]]+?)\]?(?::(\d+))?$/.exec(address);
  const host = match?.[1] ?? address;
  const port = Number(match?.[2] ?? 9092);
  try {
    await lookup(host);
  } catch (error) {
    return `${host} cannot be looked up: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`;
  }
  return await new Promise((resolve) => {
    const socket = openSocket({ host, port, timeout: dialTimeoutMs });
    const finish = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', () => finish(null));
    socket.once('timeout', () => finish(`${address} did not answer within dial_timeout (${dialTimeoutMs} ms)`));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      finish(`${address} refuses connections: ${error.code ?? error.message}`);
    });
  });
}

async function checkCluster(context: CommandContext): Promise<Finding[]> {
  const { whichClient } = await import('../clients/connect.ts');
  const choice = await whichClient(clientOptions(context.settings, context.cwd));
  const findings: Finding[] = [
    {
      check: 'client',
      status: choice.client === 'platformatic' && choice.missing.length > 0 ? 'fail' : 'ok',
      detail: `${choice.client}: ${choice.reason}`,
      fix: choice.client === 'platformatic' && choice.missing.length > 0 ? choice.missing.join('; ') : null,
    },
  ];
  const client = await connectClient(context);
  try {
    const cluster = await client.admin.cluster();
    const version = (name: string) => cluster.apis.get(name)?.join('-') ?? 'none';
    findings.push({
      check: 'broker',
      status: 'ok',
      detail: `cluster ${cluster.clusterId || 'without id'}, ${cluster.brokers.length} brokers; ${cluster.apis.size} APIs, Fetch ${version('Fetch')}, Produce ${version('Produce')}`,
      fix: null,
    });
    findings.push(...(await checkPipeline(context, client.admin)));
  } finally {
    await client.close();
  }
  return findings;
}

async function checkPipeline({ settings }: CommandContext, admin: Admin): Promise<Finding[]> {
  const topics = settings.list('source.topics');
  if (topics.length === 0) {
    return [{ check: 'topics', status: 'ok', detail: 'no pipeline is configured here', fix: null }];
  }
  const found = await admin.topics(topics);
  const findings: Finding[] = topics.map((name) => {
    const topic = found.find((each) => each.name === name);
    if (topic === undefined) {
      return {
        check: 'topics',
        status: 'fail',
        detail: `source topic ${name} does not exist`,
        fix: `rpk topic create ${name} -p 4`,
      };
    }
    const leaderless = topic.partitions.filter((each) => each.leader < 0).length;
    return {
      check: 'topics',
      status: leaderless > 0 ? 'fail' : 'ok',
      detail: `source topic ${name} has ${topic.partitions.length} partitions${leaderless > 0 ? `, ${leaderless} without a leader` : ''}`,
      fix: leaderless > 0 ? 'rpk cluster health shows which brokers are down' : null,
    };
  });
  const counts = new Set(found.map((topic) => topic.partitions.length));
  if (counts.size > 1) {
    const detail = `source topics have ${found.map((topic) => `${topic.name} ${topic.partitions.length}`).join(', ')} partitions`;
    findings.push({
      check: 'topics',
      status: 'warn',
      detail,
      fix: 'a series must be in one partition number of all of them',
    });
  }
  if (settings.problems.length > 0) return findings;
  const { sinks, group, windows, score } = settings.pipeline();
  const partitions = Math.max(...found.map((topic) => topic.partitions.length), 1);
  const names = [
    ...(windows.length > 0 ? [sinks.windows] : []),
    ...(score ? [sinks.anomalies] : []),
    sinks.late,
    sinks.deadLetters,
  ];
  findings.push(...(await checkSinks(admin, names, partitions)), await checkGroup(admin, group));
  return findings;
}

async function checkSinks(admin: Admin, names: readonly string[], partitions: number): Promise<Finding[]> {
  const found = await admin.topics(names);
  return names.map((name) => {
    const topic = found.find((each) => each.name === name);
    if (topic === undefined)
      return {
        check: 'topics',
        status: 'ok',
        detail: `sink ${name} will be created with ${partitions} partitions`,
        fix: null,
      };
    const same = topic.partitions.length === partitions;
    const detail = `sink ${name} has ${topic.partitions.length} partitions${same ? '' : `, the source ${partitions}`}`;
    const missing = partitions - topic.partitions.length;
    if (missing > 0)
      return { check: 'topics', status: 'fail', detail, fix: `rpk topic add-partitions ${name} -n ${missing}` };
    return {
      check: 'topics',
      status: same ? 'ok' : 'warn',
      detail,
      fix: same ? null : 'name another sink, or leave it',
    };
  });
}

async function checkGroup(admin: Admin, group: string): Promise<Finding> {
  const { state, members, protocol } = await admin.describeGroup(group);
  const idle = state === 'Dead' || state === 'Empty' || state === '';
  const detail = idle
    ? `group ${group} has no members`
    : `group ${group} is ${state} with ${members.length} members (${protocol})`;
  return { check: 'group', status: 'ok', detail, fix: null };
}

export async function checkRegistry(context: CommandContext): Promise<readonly Finding[]> {
  const check = 'registry';
  const connection = registryOptions(context.settings, context.cwd);
  const url = await createRegistry(connection).ready();
  const certificates = await checkCertificate(check, url, connection.tls, context);
  return [{ check, status: 'ok', detail: `${url} is ready`, fix: null }, ...certificates];
}
