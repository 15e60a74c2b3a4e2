import { X509Certificate } from 'node:crypto';
import { parseAddress } from '../clients/address.ts';
import { createAdminApi } from '../clients/adminApi.ts';
import type { ClientOptions, TlsOptions } from '../clients/client.ts';
import { type CertificateView, inspectListener, peerCertificate } from '../clients/inspectListener.ts';
import { isAnomalyError } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { adminOptions, clientOptions } from './connections.ts';
import type { Finding } from './doctorRun.ts';

/** A certificate that expires sooner is warned of. */
const EXPIRY_WARNING_DAYS = 30;
const DAY_MS = 86_400_000;

/** How the listeners are spoken to: protocol, mechanism, certificates. What does not fit, the row `broker` tells. */
export async function checkSecurity(context: CommandContext, addresses: readonly string[]): Promise<Finding[]> {
  const { settings, cwd, now } = context;
  const options = clientOptions(settings, cwd);
  const timeoutMs = settings.durationMs('dial_timeout');
  const found = await Promise.all(addresses.map((address) => checkListener(address, options, timeoutMs, now())));
  const own = options.tls?.cert === undefined ? [] : [ownCertificate(options.tls.cert, now())];
  return [...distinct(found.flat()), ...own];
}

/** The certificate that an https service shows; empty for plain text. */
export async function checkCertificate(
  check: string,
  url: string,
  tls: TlsOptions | undefined,
  context: CommandContext,
): Promise<Finding[]> {
  if (!url.startsWith('https:')) return [];
  const { hostname, port } = new URL(url);
  const timeoutMs = context.settings.durationMs('dial_timeout');
  const certificate = await peerCertificate(hostname, Number(port || 443), tls ?? {}, timeoutMs);
  if (certificate === null) return [];
  return [certificateFinding(check, `certificate ${nameOf(certificate)}`, certificate.expiresMs, context.now())];
}

/** Redpanda's Admin API, which other brokers do not have: its absence at the default address is nothing wrong. */
export async function checkAdminApi(context: CommandContext): Promise<readonly Finding[]> {
  const check = 'admin api';
  const { settings, cwd } = context;
  const connection = adminOptions(settings, cwd);
  try {
    const health = await createAdminApi(connection).health();
    const { nodesDown, leaderlessPartitions, underReplicatedPartitions } = health;
    const counts = `${nodesDown.length} brokers down, ${leaderlessPartitions} partitions without a leader, ${underReplicatedPartitions} under-replicated`;
    const detail = health.isHealthy
      ? `${health.url}: the cluster is healthy`
      : `${health.url}: the cluster is not healthy (${health.reasons.join(', ') || 'no reason given'}): ${counts}`;
    const fix = health.isHealthy ? null : 'rpk cluster health shows which brokers and partitions';
    const certificates = await checkCertificate(check, health.url, connection.tls, context);
    return [{ check, status: health.isHealthy ? 'ok' : 'warn', detail, fix }, ...certificates];
  } catch (error) {
    const isAbsent = isAnomalyError(error) && (error.code === 'ANM_BROKER_UNREACHABLE' || error.code === 'ANM_TIMEOUT');
    if (!isAbsent || settings.origin('admin.urls').origin !== 'default') throw error;
    const detail = `none at ${settings.list('admin.urls').join(', ')} (only Redpanda has one)`;
    return [{ check, status: 'ok', detail, fix: null }];
  }
}

async function checkListener(
  address: string,
  options: ClientOptions,
  timeoutMs: number,
  nowMs: number,
): Promise<Finding[]> {
  const check = 'security';
  const { tls, sasl } = options;
  const { host, port } = parseAddress(address);
  const view = await inspectListener(host, port, { tls, mechanism: sasl?.mechanism, timeoutMs });
  if (view.transport !== (tls === undefined ? 'plain' : 'tls')) return [];
  const protocol = `${sasl === undefined ? '' : 'SASL_'}${tls === undefined ? 'PLAINTEXT' : 'SSL'}`;
  const login =
    sasl === undefined ? '' : ` by ${sasl.mechanism}${sasl.username === undefined ? '' : ` as ${sasl.username}`}`;
  const version = view.tlsVersion === undefined ? '' : `, ${view.tlsVersion}`;
  const findings: Finding[] = [{ check, status: 'ok', detail: `${protocol}${login}${version}`, fix: null }];
  if (tls === undefined && (sasl?.mechanism === 'PLAIN' || sasl?.mechanism === 'OAUTHBEARER')) {
    const what = sasl.mechanism === 'PLAIN' ? 'password' : 'token';
    const detail = `the ${what} can be read on the way to ${address}, as ${sasl.mechanism} sends it in plain text`;
    findings.push({ check, status: 'warn', detail, fix: 'use TLS (tls.enabled), or SCRAM' });
  }
  if (tls?.insecureSkipVerify === true) {
    const detail = 'the certificate of the broker is not checked: whoever is in between can read everything';
    findings.push({ check, status: 'warn', detail, fix: 'set tls.ca, and tls.insecure_skip_verify=false' });
  }
  const { certificate } = view;
  if (certificate !== undefined) {
    findings.push(certificateFinding(check, `certificate ${nameOf(certificate)}`, certificate.expiresMs, nowMs));
  }
  return findings;
}

function ownCertificate(pem: string, nowMs: number): Finding {
  const { subject, validTo } = new X509Certificate(pem);
  const name = /(?:^|\n)CN=(.*)/.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ');
  return certificateFinding('security', `client certificate ${name}`, Date.parse(validTo), nowMs);
}

function certificateFinding(check: string, what: string, expiresMs: number, nowMs: number): Finding {
  const date = new Date(expiresMs).toISOString().slice(0, 10);
  const days = Math.floor((expiresMs - nowMs) / DAY_MS);
  if (days < 0) return { check, status: 'warn', detail: `${what}, expired on ${date}`, fix: 'renew it' };
  if (days < EXPIRY_WARNING_DAYS) {
    return { check, status: 'warn', detail: `${what}, expires on ${date}, in ${days} days`, fix: 'renew it' };
  }
  return { check, status: 'ok', detail: `${what}, expires ${date}`, fix: null };
}

function nameOf({ subject, issuer }: CertificateView): string {
  return subject === issuer ? `${subject}, self-signed` : `${subject} of ${issuer}`;
}

/** Brokers of one cluster mostly say the same. */
function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [finding.detail, finding])).values()];
}
