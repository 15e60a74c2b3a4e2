import type { CredentialStore } from './credentials.ts';

/** Whether an Authorization header names a user and its password by HTTP basic authentication (RFC 7617). */
export function isAuthorized(credentials: CredentialStore, authorization: string | undefined): boolean {
  const encoded = /^basic +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return false;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon >= 0 && credentials.isPassword(text.slice(0, colon), text.slice(colon + 1));
}
