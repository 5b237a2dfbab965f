import { OPERATIONS, gateway, wire } from '@magpie/contracts';
import { textOf } from '../src/local-message.js';
import { memoryStore } from '../src/stores/memory-store.js';
import { watchedClient } from './builders.js';
import { SimulatedServer } from './simulated-server.js';
import { VirtualClock } from './virtual-clock.js';

const PASSWORD = 'correct horse';

describe('Client against a simulated server', () => {
  let clock: VirtualClock;
  let server: SimulatedServer;
  beforeEach(() => {
    clock = new VirtualClock();
    server = new SimulatedServer(clock);
  });

  const signedIn = async (userName: string, seed: number, options = {}) => {
    const watched = watchedClient(server, clock, { seed, ...options });
    let done = false;
    const registered = watched.client.register({ userName, password: PASSWORD }).then(() => (done = true));
    await clock.until(() => done);
    await registered;
    return watched;
  };

  it('carries a message from one to the other and merges the sender’s own item', async () => {
    const alice = await signedIn('alice', 1);
    const bob = await signedIn('bob', 2);
    await clock.until(() => alice.client.link.status === 'online' && bob.client.link.status === 'online');
    const sent = await alice.client.send('ubob', 'hello');
    await clock.until(() => bob.shown.length === 1);
    expect(textOf(bob.shown[0]!.content)).toBe('hello');
    await clock.until(() => alice.states.some(({ position }) => position !== undefined), 120_000);
    expect(alice.states.map(({ id }) => id)).toEqual(alice.states.map(() => sent.id));
    expect(await alice.client.messages('ubob')).toMatchObject([{ id: sent.id, state: 'sent', messageId: 'm1' }]);
    expect(alice.shown).toEqual([]);
    expect(await bob.client.conversations()).toMatchObject([{ peer: 'ualice', unread: 1 }]);
  });

  it('works on the short link alone', async () => {
    const alice = await signedIn('alice', 1, { links: [] });
    const bob = await signedIn('bob', 2, { links: [] });
    await alice.client.send('ubob', 'by post');
    await clock.until(() => bob.shown.length === 1, 20_000);
    expect(alice.client.link.status).toBe('polling');
    expect(alice.states.at(-1)?.state).toBe('sent');
  });

  it('refreshes an expired token with one command id until the answer is in', async () => {
    server.tokenLivesMs = 60_000;
    const alice = await signedIn('alice', 1, { links: [] });
    let lost = 0;
    server.fault = (operation) => (operation === 254 && lost++ < 2 ? 'lose-answer' : undefined);
    await clock.until(() => server.refreshes.length === 3, 200_000);
    expect(new Set(server.refreshes.map(({ commandId }) => commandId)).size).toBe(1);
    const { states } = alice;
    await alice.client.send('ubob', 'still here');
    await clock.until(() => states.some(({ state }) => state === 'sent'), 60_000);
  });

  it('tells the session’s end and stops', async () => {
    const alice = await signedIn('alice', 1);
    let lost = '';
    alice.client.on('session', (event) => event.status === 'lost' && (lost = event.error.code));
    await clock.until(() => alice.client.link.status === 'online');
    const error = { code: wire.Code.SESSION_REVOKED, message: 'kicked', retryAfterMs: 0, details: [] };
    server.push(OPERATIONS.error, wire.Error.encode(error).finish());
    await clock.until(() => lost !== '');
    expect(lost).toBe('SESSION_REVOKED');
    expect(alice.client.session).toBeUndefined();
    expect(server.links).toBe(0);
  });

  it('moves to a new link when it is redirected, and after a link was lost', async () => {
    const alice = await signedIn('alice', 1);
    const seen: string[] = [];
    alice.client.on('link', ({ status }) => seen.push(status));
    await clock.until(() => alice.client.link.status === 'online');
    server.push(OPERATIONS.redirect, gateway.Redirect.encode({ reconnectAfterMs: 2000, hosts: [] }).finish());
    await clock.until(() => seen.filter((status) => status === 'online').length === 2, 10_000);
    server.cutAll();
    await clock.until(() => seen.filter((status) => status === 'online').length === 3, 10_000);
    expect(server.links).toBe(1);
  });

  it('begins anew when its sync key has expired, and shows nothing twice', async () => {
    const bob = await signedIn('bob', 2);
    server.write('ualice', 'ubob', 'one');
    await clock.until(() => bob.shown.length === 1);
    server.stamp = new Uint8Array(8);
    server.noticing = () => 'bare';
    server.write('ualice', 'ubob', 'two');
    await clock.until(() => bob.shown.length === 2);
    expect(bob.shown.map(({ content }) => textOf(content))).toEqual(['one', 'two']);
  });

  it('goes on after a restart with what it had', async () => {
    const store = memoryStore();
    const first = await signedIn('bob', 2, { store });
    server.write('ualice', 'ubob', 'before');
    await clock.until(() => first.shown.length === 1);
    await first.client.close();
    server.write('ualice', 'ubob', 'meanwhile');
    const second = watchedClient(server, clock, { seed: 3, store });
    expect(await second.client.resume()).toMatchObject({ userId: 'ubob', userName: 'bob' });
    await clock.until(() => second.shown.length === 1);
    expect(textOf(second.shown[0]!.content)).toBe('meanwhile');
    expect((await second.client.messages('ualice')).map(({ content }) => textOf(content))).toEqual([
      'before',
      'meanwhile',
    ]);
    await second.client.markRead('ualice');
    expect(await second.client.conversations()).toMatchObject([{ peer: 'ualice', unread: 0 }]);
  });

  it('turns a message that it gave up into a sent one when the feed brings it', async () => {
    const alice = await signedIn('alice', 1);
    await clock.until(() => alice.client.link.status === 'online');
    server.fault = (operation) => (operation === 237 ? 'lose-answer' : operation === 6 ? 'lose-request' : undefined);
    const sent = await alice.client.send('ubob', 'into the dark');
    await clock.until(() => alice.client.sending === 0, 300_000);
    // Given up, or already brought by a pull meanwhile: in the end it is sent, once.
    server.fault = () => undefined;
    await clock.until(() => alice.states.at(-1)?.state === 'sent', 300_000);
    expect(await alice.client.messages('ubob')).toMatchObject([{ id: sent.id, state: 'sent', position: 1 }]);
    expect(server.log).toHaveLength(1);
  });

  it('fails a refused message at once, lets it be discarded, and sends its neighbours', async () => {
    const alice = await signedIn('alice', 1);
    server.refuse = ({ clientId }) => (clientId === refused ? wire.Code.BLOCKED : wire.Code.OK);
    await alice.client.send('ubob', 'one');
    const { id: refused } = await alice.client.send('ubob', 'two');
    await alice.client.send('ubob', 'three');
    await clock.until(() => alice.client.sending === 0, 30_000);
    expect(server.log.map(({ content }) => textOf(content!))).toEqual(['one', 'three']);
    expect(alice.states.find(({ state }) => state === 'failed')).toMatchObject({
      id: refused,
      error: { code: 'BLOCKED', uncertain: false },
    });
    await expect(alice.client.discard('another')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await alice.client.discard(refused);
    expect((await alice.client.messages('ubob')).map(({ state }) => state)).toEqual(['sent', 'sent']);
  });

  it('identifies with a new token when the old one ran out while it was away', async () => {
    server.tokenLivesMs = 30_000;
    const alice = await signedIn('alice', 1);
    await clock.until(() => alice.client.link.status === 'online');
    server.down = true;
    server.cutAll();
    await clock.pass(120_000);
    server.down = false;
    await clock.until(() => alice.client.link.status === 'online', 60_000);
    expect(server.refreshes.length).toBeGreaterThan(0);
  });

  it('stays signed in when another log-in is refused', async () => {
    const alice = await signedIn('alice', 1);
    server.fault = (operation) => (operation === 253 ? 'unavailable' : undefined);
    let refused = '';
    void alice.client.login({ userName: 'bob', password: PASSWORD }).catch(({ code }) => (refused = code));
    await clock.until(() => refused !== '');
    expect(refused).toBe('UNAVAILABLE');
    expect(alice.client.session).toMatchObject({ userId: 'ualice' });
    await clock.until(() => alice.client.link.status === 'online');
  });
});
