import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { Authenticate, type AuthenticateOptions } from './authenticate.js';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');

function token(changes: { issuer?: string; expiresAt?: number; kid?: string; sid?: unknown } = {}): Promise<string> {
  const { issuer = 'magpie', expiresAt = Date.now() / 1000 + 60, kid = 'k1', sid = 's1' } = changes;
  return new SignJWT({ sid, did: 'device-1' })
    .setProtectedHeader({ alg: 'EdDSA', kid })
    .setIssuer(issuer)
    .setSubject('u1')
    .setExpirationTime(Math.floor(expiresAt))
    .sign(privateKey);
}

// Goal: only a token of ours, alive and not revoked, tells who speaks. Real: signatures; keys and revocations are given.
describe('Authenticate', () => {
  const make = (changes: Partial<AuthenticateOptions> = {}) =>
    new Authenticate({
      key: (keyId) => Promise.resolve(keyId === 'k1' ? publicKey : undefined),
      revoked: () => false,
      ...changes,
    });

  it('tells who speaks, again and again', async () => {
    const authenticate = make();
    const good = await token();
    const identity = { userId: 'u1', deviceId: 'device-1', sessionId: 's1' };
    expect([await authenticate.execute(good), await authenticate.execute(good)]).toEqual([identity, identity]);
  });

  it.each([
    ['SESSION_REQUIRED', () => Promise.resolve('')],
    ['SESSION_REQUIRED', () => Promise.resolve('a.b.c')],
    ['SESSION_REQUIRED', () => token({ issuer: 'other' })],
    ['SESSION_REQUIRED', () => token({ kid: 'k2' })],
    ['SESSION_REQUIRED', () => token({ sid: 7 })],
    ['SESSION_EXPIRED', () => token({ expiresAt: Date.now() / 1000 - 60 })],
  ])('answers %s', async (code, signed) => {
    await expect(make().execute(await signed())).rejects.toMatchObject({ code });
  });

  it('refuses a session that was revoked after its token was seen', async () => {
    let revoked = false;
    const authenticate = make({ revoked: () => Promise.resolve(revoked) });
    const good = await token();
    await authenticate.execute(good);
    revoked = true;
    await expect(authenticate.execute(good)).rejects.toMatchObject({ code: 'SESSION_REVOKED' });
  });
});
