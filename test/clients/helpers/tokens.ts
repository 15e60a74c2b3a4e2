/** An unsecured JWS: signed by nobody, for brokers of tests. */
export function unsecuredToken(user: string, lifetimeSeconds: number): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claims = { sub: user, iat: nowSeconds - 60, exp: nowSeconds + lifetimeSeconds };
  const parts = [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${parts.join('.')}.`;
}
