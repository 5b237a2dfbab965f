import { RevokedSessions } from './revoked-sessions.js';

// Goal: a revoked session is known for as long as its tokens may live, and no longer. Real: all.
describe('RevokedSessions', () => {
  it('knows a session until its tokens are dead', () => {
    const revoked = new RevokedSessions(1000);
    revoked.add('s1', 0, 10);
    expect(revoked.has('s1')).toBe(true);
    revoked.add('s2', 1500, 1500);
    expect(revoked.has('s1')).toBe(false);
    expect(revoked.has('s2')).toBe(true);
  });

  it('does not take in what is long over', () => {
    const revoked = new RevokedSessions(1000);
    revoked.add('s1', 0, 1000);
    expect(revoked.size).toBe(0);
  });
});
