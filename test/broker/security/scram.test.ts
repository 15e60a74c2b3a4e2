import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unsecuredClaims } from '../../../src/broker/security/oauthBearer.ts';
import { SaslFailure, ScramExchange, scramCredential } from '../../../src/broker/security/scram.ts';

const CREDENTIAL = scramCredential('SCRAM-SHA-256', 'pencil', 4096, Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
const SERVER_NONCE = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const FINAL = 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=';
const PROOF = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';

function exchange(): (text: string) => string {
  const scram = new ScramExchange('SCRAM-SHA-256', (user) => (user === 'user' ? CREDENTIAL : undefined), SERVER_NONCE);
  return (text) => scram.step(Buffer.from(text)).reply.toString();
}

test('the exchange of RFC 7677, section 3, message by message', () => {
  const step = exchange();
  assert.equal(
    step('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'),
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  );
  assert.equal(step(FINAL + PROOF), 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

test('a wrong proof, another nonce, another user and garbage are refused', () => {
  const refusals: [string, string][] = [
    ['n,,n=user,r=rOprNGfwEbeRWgbNEkqO', `${FINAL}${Buffer.alloc(32).toString('base64')}`],
    ['n,,n=user,r=rOprNGfwEbeRWgbNEkqO', `${FINAL}AA==`],
    ['n,,n=user,r=rOprNGfwEbeRWgbNEkqO', `c=biws,r=another,p=${PROOF}`],
    ['n,,n=user,r=rOprNGfwEbeRWgbNEkqO', `c=eSws,r=rOprNGfwEbeRWgbNEkqO${SERVER_NONCE},p=${PROOF}`],
    ['n,,n=user,r=rOprNGfwEbeRWgbNEkqO', 'x'],
  ];
  for (const [first, final] of refusals) {
    const step = exchange();
    step(first);
    assert.throws(() => step(final), SaslFailure, final);
  }
  for (const first of ['n,,n=nobody,r=x', 'p=tls-unique,,n=user,r=x', 'n,a=other,n=user,r=x', '', 'n,,n=user']) {
    assert.throws(() => exchange()(first), SaslFailure, first);
  }
});

test('names with commas and equal signs come back as they were', () => {
  const scram = new ScramExchange('SCRAM-SHA-256', () => CREDENTIAL);
  scram.step(Buffer.from('n,,n=a=2Cb=3D2C,r=x'));
  assert.equal(scram.user, 'a,b=2C');
});

test('an unsecured token counts while it is unsigned, whole and in its time', () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = (claims: unknown, header: unknown = { alg: 'none' }, signature = '') =>
    `${part(header)}.${part(claims)}.${signature}`;
  assert.deepEqual(unsecuredClaims(token({ sub: 'me', exp: 100 }), 99_999), { user: 'me', expiresMs: 100_000 });
  const refused = [
    token({ sub: 'me', exp: 100 }, { alg: 'RS256' }),
    token({ sub: 'me', exp: 100 }, { alg: 'none' }, 'AA'),
    token({ sub: 'me', exp: 99 }),
    token({ sub: 'me', exp: 1e6, iat: 1000 }),
    token({ sub: '', exp: 100 }),
    token({ exp: 100 }),
    token(null),
    'a.b',
    '',
  ];
  for (const text of refused) assert.equal(unsecuredClaims(text, 99_000), null, text);
});
