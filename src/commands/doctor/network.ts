import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isIP, connect as openSocket } from 'node:net';
import { parseAddress } from '../../clients/address.ts';
import type { ClientOptions, TlsOptions } from '../../clients/client.ts';
import { loginFailure, transportFailure } from '../../clients/explainFailure.ts';
import { type CertificateView, type ListenerView, peerCertificate } from '../../clients/inspectListener.ts';
import { isAnomalyError } from '../../errors.ts';
import { clientOptions } from '../connections.ts';
import { fail, failed, ok, type Seen, skip, warn } from './check.ts';
import type { Doctor } from './doctor.ts';

/** A certificate that expires sooner is warned of. */
const EXPIRY_WARNING_DAYS = 30;
const DAY_MS = 86_400_000;

/** The names of the brokers' addresses. One that cannot be looked up is a warning where another one can. */
export async function checkDns(doctor: Doctor): Promise<readonly Seen[]> {
  const hosts = [...new Set(doctor.addresses.map((address) => parseAddress(address).host))];
  const found = await Promise.all(hosts.map((host) => addressOf(host)));
  const fix = `check the names in ${placeOf(doctor)}, /etc/hosts and the name server`;
  return hosts.map((host, i) => {
    const { address, problem } = found[i]!;
    if (problem === undefined) return ok(isIP(host) > 0 ? `${host} is an address` : `${host} is ${address}`);
    const detail = `${host} cannot be looked up: ${problem}`;
    return found.some((each) => each.problem === undefined) ? warn(detail, fix) : fail(detail, fix);
  });
}

async function addressOf(host: string): Promise<{ address?: string; problem?: string }> {
  try {
    return { address: (await lookup(host)).address };
  } catch (error) {
    return { problem: (error as NodeJS.ErrnoException).code ?? (error as Error).message };
  }
}

export async function checkTcp(doctor: Doctor): Promise<readonly Seen[]> {
  const { addresses, dialTimeoutMs } = doctor;
  const dialled = await Promise.all(addresses.map((address) => dial(address, dialTimeoutMs)));
  const fix = `check host and port in ${placeOf(doctor)} and the firewall, or start a broker with anomaly dev`;
  return dialled.map((problem, i) => {
    if (problem === null) return ok(`${addresses[i]} accepts connections`);
    return dialled.includes(null) ? warn(problem, fix) : fail(problem, fix);
  });
}

function placeOf({ context }: Doctor): string {
  const { origin, place } = context.settings.origin('brokers');
  return origin === 'default' ? '--brokers (now its default)' : `brokers (from ${place})`;
}

/** What is wrong with an address, or null. */
export async function dial(address: string, dialTimeoutMs: number): Promise<string | null> {
  const { host, port } = parseAddress(address);
  return await new Promise((resolve) => {
    const socket = openSocket({ host, port, timeout: dialTimeoutMs });
    const finish = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', () => finish(null));
    socket.once('timeout', () => finish(`${address} did not answer within dial_timeout (${dialTimeoutMs} ms)`));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const { code, message } = error;
      if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') finish(`${host} cannot be looked up: ${code}`);
      else finish(`${address} refuses connections: ${code ?? message}`);
    });
  });
}

/** Those that take connections, each with how it wants to be spoken to. */
async function listeners(doctor: Doctor): Promise<(readonly [address: string, view: ListenerView])[]> {
  const { addresses, dialTimeoutMs } = doctor;
  const open = await Promise.all(
    addresses.map(async (each) => ((await dial(each, dialTimeoutMs)) === null ? each : '')),
  );
  return await Promise.all(open.filter(Boolean).map(async (each) => [each, await doctor.view(each)] as const));
}

/** Whether both sides speak TLS, or neither; the certificates of both. */
export async function checkTls(doctor: Doctor): Promise<readonly Seen[]> {
  const { settings, cwd, now } = doctor.context;
  const options = clientOptions(settings, cwd);
  const rows = (await listeners(doctor)).flatMap(([address, view]) => tlsRows(address, view, options, now()));
  const own = options.tls?.cert === undefined ? [] : [ownCertificate(options.tls.cert, now())];
  return [...distinct(rows), ...own];
}

function tlsRows(address: string, view: ListenerView, options: ClientOptions, nowMs: number): Seen[] {
  const { tls, sasl } = options;
  const failure = transportFailure(view, address, options);
  const certificate = view.certificate === undefined ? [] : [certificateRow(view.certificate, nowMs)];
  if (failure !== null) return [failed(failure), ...certificate.filter(({ status }) => status !== 'ok')];
  if (view.transport === null) {
    return [
      fail(
        `${address} answers Kafka's ApiVersions neither in plain text nor by TLS`,
        'check that --brokers names a Kafka listener, not the Admin API or a proxy',
      ),
    ];
  }
  const rows = [
    ok(tls === undefined ? 'plain text, as the listener wants it' : `${view.tlsVersion ?? 'TLS'} is set up`),
  ];
  if (tls === undefined && (sasl?.mechanism === 'PLAIN' || sasl?.mechanism === 'OAUTHBEARER')) {
    const what = sasl.mechanism === 'PLAIN' ? 'password' : 'token';
    const detail = `the ${what} can be read on the way to ${address}, as ${sasl.mechanism} sends it in plain text`;
    rows.push(warn(detail, 'use TLS (tls.enabled), or SCRAM'));
  }
  if (tls?.insecureSkipVerify === true) {
    const detail = 'the certificate of the broker is not checked: whoever is in between can read everything';
    rows.push(warn(detail, 'set tls.ca, and tls.insecure_skip_verify=false'));
  }
  return [...rows, ...certificate];
}

/** Whether the listener wants a login, by what, and whether it takes this one. */
export async function checkSasl(doctor: Doctor): Promise<readonly Seen[]> {
  const { settings, cwd } = doctor.context;
  const { sasl, tls } = clientOptions(settings, cwd);
  for (const [address, view] of await listeners(doctor)) {
    const failure = loginFailure(view, address, sasl);
    if (failure !== null) return [failed(failure)];
  }
  try {
    await doctor.connected();
  } catch (error) {
    if (isAnomalyError(error) && error.code === 'ANM_AUTHENTICATION') return [failed(error)];
    return [skip(`the connection ended before a login: ${(error as Error).message}`)];
  }
  const protocol = `${sasl === undefined ? '' : 'SASL_'}${tls === undefined ? 'PLAINTEXT' : 'SSL'}`;
  if (sasl === undefined) return [ok(`${protocol}: no login is wanted`)];
  return [
    ok(`${protocol} by ${sasl.mechanism}${sasl.username === undefined ? '' : ` as ${sasl.username}`}: logged in`),
  ];
}

/** The certificate that an https service shows; empty for plain text. */
export async function serviceCertificate(
  url: string,
  tls: TlsOptions | undefined,
  { context, dialTimeoutMs }: Doctor,
): Promise<readonly Seen[]> {
  if (!url.startsWith('https:')) return [];
  const { hostname, port } = new URL(url);
  const certificate = await peerCertificate(hostname, Number(port || 443), tls ?? {}, dialTimeoutMs);
  return certificate === null ? [] : [certificateRow(certificate, context.now())];
}

function ownCertificate(pem: string, nowMs: number): Seen {
  const { subject, validTo } = new X509Certificate(pem);
  const name = /(?:^|\n)CN=(.*)/.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ');
  return expiryRow(`client certificate ${name}`, Date.parse(validTo), nowMs);
}

function certificateRow({ subject, issuer, expiresMs }: CertificateView, nowMs: number): Seen {
  const name = subject === issuer ? `${subject}, self-signed` : `${subject} of ${issuer}`;
  return expiryRow(`certificate ${name}`, expiresMs, nowMs);
}

function expiryRow(what: string, expiresMs: number, nowMs: number): Seen {
  const date = new Date(expiresMs).toISOString().slice(0, 10);
  const days = Math.floor((expiresMs - nowMs) / DAY_MS);
  if (days < 0) return warn(`${what}, expired on ${date}`, 'renew it');
  if (days < EXPIRY_WARNING_DAYS) return warn(`${what}, expires on ${date}, in ${days} days`, 'renew it');
  return ok(`${what}, expires ${date}`);
}

/** Brokers of one cluster mostly say the same. */
function distinct(rows: readonly Seen[]): Seen[] {
  return [...new Map(rows.map((row) => [row.detail, row])).values()];
}
