import { AnomalyError } from '../errors.ts';
import type { ClientOptions, SaslOptions } from './client.ts';
import { inspectListener, type ListenerView } from './inspectListener.ts';
import { tlsProblem } from './tls.ts';

/**
 * Why a listener that takes connections does not serve this client: TLS against plain text, certificates, SASL on one
 * side only, a mechanism that is not offered. It is asked for that once more, without a password. Null where all of
 * that fits, so that the reason is another one.
 */
export async function explainFailure(
  host: string,
  port: number,
  options: ClientOptions,
  timeoutMs: number,
): Promise<AnomalyError | null> {
  const { tls, sasl } = options;
  const view = await inspectListener(host, port, { tls, mechanism: sasl?.mechanism, timeoutMs });
  return transportFailure(view, `${host}:${port}`, options) ?? loginFailure(view, `${host}:${port}`, sasl);
}

/** TLS against plain text, and certificates; null where both sides agree. */
export function transportFailure(view: ListenerView, address: string, { tls }: ClientOptions): AnomalyError | null {
  if (tls === undefined && view.transport === 'tls') {
    return new AnomalyError('ANM_TLS', `cannot talk to ${address} in plain text as it speaks TLS`, {
      hint: 'set tls.enabled=true (RPK_TLS_ENABLED), and tls.ca unless a public authority signed its certificate',
      details: { address },
    });
  }
  if (tls !== undefined && view.transport === 'plain') {
    return new AnomalyError('ANM_TLS', `cannot talk TLS to ${address} as it speaks plain text`, {
      hint: 'set tls.enabled=false, or give the port of the TLS listener in --brokers',
      details: { address },
    });
  }
  if (tls === undefined || view.tlsError === undefined) return null;
  const failure = tlsFailure(view.tlsError, address, tls);
  if (failure !== null || view.tlsVersion === undefined) return failure;
  // Who checks client certificates after the handshake closes without a word.
  return new AnomalyError('ANM_TLS', `cannot use ${address} as it ends the connection after the TLS handshake`, {
    hint: 'set tls.cert and tls.key to a client certificate that it trusts, or check that --brokers names the Kafka port',
    details: { address },
    cause: view.tlsError,
  });
}

/** A failed handshake or check of a certificate by name, or null where the error is another one. */
export function tlsFailure(error: unknown, address: string, tls: ClientOptions['tls']): AnomalyError | null {
  const problem = tlsProblem(error, tls, 'tls');
  if (problem === null) return null;
  return new AnomalyError('ANM_TLS', `cannot set TLS up with ${address} as ${problem.reason}`, {
    hint: problem.hint,
    details: { address },
    cause: error,
  });
}

/** SASL on one side only, or a mechanism that is not offered; null where both sides agree. */
export function loginFailure(view: ListenerView, address: string, sasl: SaslOptions | undefined): AnomalyError | null {
  if (view.wantsLogin === null) return null;
  if (sasl === undefined) return view.wantsLogin ? loginMissing(address, view.mechanisms) : null;
  if (!view.wantsLogin) return loginUnwanted(address);
  if (view.mechanisms.length === 0 || view.mechanisms.includes(sasl.mechanism)) return null;
  return mechanismMissing(address, sasl.mechanism, view.mechanisms);
}

function loginMissing(address: string, mechanisms: readonly string[]): AnomalyError {
  return new AnomalyError(
    'ANM_AUTHENTICATION',
    `cannot use ${address} without a user as it wants SASL by ${mechanisms.join(', ')}`,
    {
      hint: 'set sasl.mechanism, sasl.user and --password-file, or use an rpk profile that has them',
      details: { address, mechanisms },
    },
  );
}

/** SASL is set here and switched off there. */
export function loginUnwanted(address: string): AnomalyError {
  return new AnomalyError('ANM_AUTHENTICATION', `cannot log in to ${address} as SASL is switched off there`, {
    hint: 'leave sasl.user and sasl.mechanism away, or give the port of the SASL listener in --brokers',
    details: { address },
  });
}

/** The listener has other mechanisms. */
export function mechanismMissing(address: string, wanted: string, offered: readonly string[]): AnomalyError {
  const others = offered.length === 0 ? 'none that it tells' : offered.join(', ');
  return new AnomalyError('ANM_AUTHENTICATION', `cannot log in to ${address} by ${wanted} as it offers ${others}`, {
    hint: `set sasl.mechanism (RPK_SASL_MECHANISM) to one of these`,
    details: { address, mechanism: wanted, offered },
  });
}

/** Wrong user, password or token. `said` is the broker's word for it. */
export function credentialsRefused(address: string, sasl: SaslOptions, said: string, cause?: unknown): AnomalyError {
  const who = sasl.username === undefined ? '' : ` as ${sasl.username}`;
  const isToken = sasl.mechanism === 'OAUTHBEARER';
  return new AnomalyError('ANM_AUTHENTICATION', `cannot log in to ${address}${who} by ${sasl.mechanism}: ${said}`, {
    ...(isToken ? { hint: 'check the token in sasl.password: its issuer, audience and expiry' } : {}),
    details: { address, mechanism: sasl.mechanism, ...(sasl.username === undefined ? {} : { user: sasl.username }) },
    ...(cause === undefined ? {} : { cause }),
  });
}
