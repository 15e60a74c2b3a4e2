// The contract of security against a real Kafka with a listener of each kind, users made by Kafka's own tool.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { freePort } from '../../bench/processes.ts';
import {
  LISTENERS,
  type ListenerName,
  PASSWORD,
  REAUTH_MS,
  runSecurityContract,
  USER,
} from '../clients/securityContract.ts';
import { type CertificateName, certificatePath } from '../helpers/certificates/files.ts';
import { type Kafka, startKafka } from './helpers/services.ts';

const SERVED: Readonly<Record<ListenerName, { readonly protocol: string; readonly certificate?: CertificateName }>> = {
  plain: { protocol: 'PLAINTEXT' },
  tls: { protocol: 'SSL', certificate: 'server' },
  mutual: { protocol: 'SSL', certificate: 'server' },
  elsewhere: { protocol: 'SSL', certificate: 'elsewhere' },
  expired: { protocol: 'SSL', certificate: 'expired' },
  sasl: { protocol: 'SASL_PLAINTEXT' },
  secured: { protocol: 'SASL_SSL', certificate: 'server' },
  scram512: { protocol: 'SASL_PLAINTEXT' },
  reauth: { protocol: 'SASL_PLAINTEXT' },
};
const MODULES = 'org.apache.kafka.common.security';
/** A JAAS line per mechanism and listener: without one the broker does not start. */
const JAAS: Readonly<Record<string, string>> = {
  plain: `${MODULES}.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`,
  'scram-sha-256': `${MODULES}.scram.ScramLoginModule required;`,
  'scram-sha-512': `${MODULES}.scram.ScramLoginModule required;`,
  oauthbearer: `${MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
};

const ports = new Map<ListenerName, number>();
let kafka: Kafka;
let keys: string;

before(async () => {
  keys = mkdtempSync(join(tmpdir(), 'anomaly-keys-'));
  for (const name of LISTENERS) ports.set(name, await freePort());
  kafka = await startKafka({ properties: serverProperties, heap: '512m' });
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    const change = ['--alter', '--add-config', `${mechanism}=[password=${PASSWORD}]`];
    const user = ['--entity-type', 'users', '--entity-name', USER];
    kafka.tool('kafka.admin.ConfigCommand', ['--bootstrap-server', kafka.brokers, ...change, ...user]);
  }
});
after(async () => {
  await kafka?.remove();
  rmSync(keys, { recursive: true, force: true });
});

await runSecurityContract((listener) => `127.0.0.1:${ports.get(listener)}`);

function serverProperties({ port, controllerPort }: { port: number; controllerPort: number }): string[] {
  const listeners = LISTENERS.map((name) => `${name.toUpperCase()}://127.0.0.1:${ports.get(name)}`).join(',');
  const protocols = LISTENERS.map((name) => `${name.toUpperCase()}:${SERVED[name].protocol}`).join(',');
  return [
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort},${listeners}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port},${listeners}`,
    `listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,${protocols}`,
    ...LISTENERS.flatMap((name) => listenerProperties(name)),
  ];
}

function listenerProperties(name: ListenerName): string[] {
  const { protocol, certificate } = SERVED[name];
  const lines: string[] = [];
  if (certificate !== undefined) {
    lines.push('ssl.keystore.type=PEM', `ssl.keystore.location=${keystore(certificate)}`);
  }
  if (name === 'mutual') {
    lines.push(
      'ssl.client.auth=required',
      'ssl.truststore.type=PEM',
      `ssl.truststore.location=${certificatePath('ca')}`,
    );
  }
  if (protocol.startsWith('SASL')) {
    const mechanisms = name === 'scram512' ? ['scram-sha-512'] : Object.keys(JAAS);
    lines.push(`sasl.enabled.mechanisms=${mechanisms.join(',').toUpperCase()}`);
    for (const mechanism of mechanisms) {
      lines.push(`${mechanism}.sasl.jaas.config=${JAAS[mechanism]}`);
      if (name === 'reauth') lines.push(`${mechanism}.connections.max.reauth.ms=${REAUTH_MS}`);
    }
  }
  return lines.map((line) => `listener.name.${name}.${line}`);
}

/** Key and certificate in one file, as Kafka takes them. */
function keystore(name: CertificateName): string {
  const path = join(keys, `${name}.pem`);
  const read = (kind: 'key' | 'crt') => readFileSync(certificatePath(name, kind), 'utf8');
  writeFileSync(path, read('key') + read('crt'));
  return path;
}
