import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Made by make.sh. `server`, `elsewhere`, `expired`, `client` are signed by `ca`; `stranger` by `other-ca`. */
export type CertificateName = 'ca' | 'other-ca' | 'server' | 'elsewhere' | 'expired' | 'client' | 'stranger';

export function certificatePath(name: CertificateName, kind: 'crt' | 'key' = 'crt'): string {
  return fileURLToPath(new URL(`./${name}.${kind}`, import.meta.url));
}

/** PEM. */
export function certificate(name: CertificateName): string {
  return readFileSync(certificatePath(name), 'utf8');
}

/** PEM of a certificate and its key, as servers and clients take them. */
export function certificateWithKey(name: Exclude<CertificateName, 'ca' | 'other-ca'>): { cert: string; key: string } {
  return { cert: certificate(name), key: readFileSync(certificatePath(name, 'key'), 'utf8') };
}
