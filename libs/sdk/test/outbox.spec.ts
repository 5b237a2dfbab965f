import { wire } from '@magpie/contracts';
import type { Clock } from '../src/ports.js';
import { textOf } from '../src/local-message.js';
import { memoryStore } from '../src/stores/memory-store.js';
import { crashableStore, watchedClient, type Watched } from './builders.js';
import { SimulatedServer } from './simulated-server.js';
import { VirtualClock } from './virtual-clock.js';

// Goal: own messages reach the log once and in order, and what is shown of them is true. The server is simulated.

const SEND = 237;
const FEED = [27, 121];
const DAYS_MS = 3 * 24 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;
/** Far longer than anything is waited out; a device that stays open does something every few seconds of it. */
const AWAY_MS = 6 * HOUR_MS;

describe('sending', () => {
  let clock: VirtualClock;
  let server: SimulatedServer;
  beforeEach(() => {
    clock = new VirtualClock();
    server = new SimulatedServer(clock);
  });

  const signedIn = async (userName: string, seed: number, options = {}): Promise<Watched> => {
    const watched = watchedClient(server, clock, { seed, ...options });
    let done = false;
    void watched.client.register({ userName, password: 'correct horse' }).then(() => (done = true));
    await clock.until(() => done && watched.client.link.status !== 'connecting');
    return watched;
  };
  const textsOf = (messages: readonly { content?: Parameters<typeof textOf>[0] | undefined }[]): string[] =>
    messages.map(({ content }) => textOf(content!));

  it('tries a message of days ago with the ids that it had, and it is shown once', async () => {
    const device = crashableStore(memoryStore());
    const alice = await signedIn('alice', 1, { store: device });
    const bob = await signedIn('bob', 2);
    server.fault = (operation) => (operation === SEND ? 'lose-answer' : undefined);
    const { id } = await alice.client.send('ubob', 'before the journey');
    await clock.until(() => server.log.length === 1);
    device.crash();
    await alice.client.close();
    await clock.pass(DAYS_MS);
    server.fault = () => undefined;
    const later = watchedClient(server, clock, { seed: 3, store: device.survivor() });
    await later.client.resume();
    await clock.until(() => server.sends.length > 1 && later.client.sending === 0);
    const ids = server.sends.flat().map(({ clientId, clientTimeMs }) => `${clientId} ${clientTimeMs}`);
    expect(new Set(ids).size).toBe(1);
    expect(textsOf(server.log)).toEqual(['before the journey']);
    expect(textsOf(bob.shown)).toEqual(['before the journey']);
    await clock.until(() => later.states.some(({ position }) => position !== undefined), HOUR_MS);
    expect(await later.client.messages('ubob')).toMatchObject([{ id, state: 'sent', position: 1 }]);
    expect(later.shown).toEqual([]);
  });

  it('goes on trying a message that was written without any link for hours, until it is sent', async () => {
    const alice = await signedIn('alice', 1);
    server.down = true;
    server.cutAll();
    await alice.client.send('ubob', 'from the mountains');
    await clock.pass(AWAY_MS);
    expect(alice.client.sending).toBe(1);
    server.down = false;
    await clock.until(() => alice.client.sending === 0, HOUR_MS);
    expect(server.log).toMatchObject([{ clientTimeMs: server.sends[0]![0]!.clientTimeMs }]);
    expect(server.log[0]!.serverTimeMs - server.log[0]!.clientTimeMs).toBeGreaterThanOrEqual(AWAY_MS);
  });

  describe('with a clock that is wrong', () => {
    const wrong = (byMs: number): Clock => ({
      now: () => clock.now() + byMs,
      after: (ms, run) => clock.after(ms, run),
    });
    const sentWithin = (index: number): number => {
      const { clientTimeMs, serverTimeMs } = server.log[index]!;
      return Math.abs(serverTimeMs - clientTimeMs);
    };
    const send = async ({ client }: Watched, text: string): Promise<void> => {
      await client.send('ubob', text);
      await clock.until(() => client.sending === 0);
    };

    it('takes the time from identify', async () => {
      server.sessionsTellTime = false;
      const alice = await signedIn('alice', 1, { clock: wrong(-HOUR_MS) });
      await send(alice, 'one');
      expect(sentWithin(0)).toBeLessThan(1_000);
    });

    it('takes the time from acknowledgements', async () => {
      server.sessionsTellTime = false;
      const alice = await signedIn('alice', 1, { clock: wrong(HOUR_MS), links: [] });
      await send(alice, 'one');
      expect(sentWithin(0)).toBeGreaterThan(HOUR_MS - 1_000);
      await send(alice, 'two');
      expect(sentWithin(1)).toBeLessThan(1_000);
    });

    it('does not take it from the answer to a repeat, which is as old as its first copy', async () => {
      const alice = await signedIn('alice', 1);
      // The feed must not settle the message before its repeat is answered.
      const feedIsAway = (operation: number) => (FEED.includes(operation) ? 'unavailable' : undefined);
      server.fault = (operation) => (operation === SEND ? 'lose-answer' : feedIsAway(operation));
      await alice.client.send('ubob', 'one');
      await clock.until(() => server.log.length === 1);
      server.down = true;
      server.cutAll();
      await clock.pass(HOUR_MS);
      server.down = false;
      server.fault = feedIsAway;
      await clock.until(() => alice.client.sending === 0);
      await send(alice, 'two');
      expect(textsOf(server.log)).toEqual(['one', 'two']);
      expect(sentWithin(1)).toBeLessThan(1_000);
    });
  });

  it('has one request under way per conversation, and what waits goes together, 50 at most', async () => {
    const alice = await signedIn('alice', 1);
    const texts = Array.from({ length: 60 }, (_, k) => `${k}`);
    await Promise.all(texts.map((text) => alice.client.send('ubob', text)));
    await clock.until(() => alice.client.sending === 0);
    expect(server.mostInFlight).toBe(1);
    expect(textsOf(server.log)).toEqual(texts);
    expect(server.sends.length).toBeLessThanOrEqual(3);
    expect(Math.max(...server.sends.map((messages) => messages.length))).toBe(50);
  });

  it('lets one conversation that has to wait hold up no other', async () => {
    const alice = await signedIn('alice', 1);
    server.refuse = ({ to }) => (to === 'ubob' ? wire.Code.UNAVAILABLE : wire.Code.OK);
    await alice.client.send('ubob', 'one');
    await alice.client.send('ucarol', 'two');
    await clock.until(() => server.log.length === 1, 1_000);
    expect(textsOf(server.log)).toEqual(['two']);
    expect(alice.client.sending).toBe(1);
  });

  describe('a refusal after an attempt of which nothing was heard', () => {
    const pulled = async ({ client }: Watched): Promise<void> => {
      let done = false;
      void client.pull().then(() => (done = true));
      await clock.until(() => done);
    };

    it('is unknown for good, until the own item in the feed turns it into sent', async () => {
      const alice = await signedIn('alice', 1);
      // Nothing of the feed is on its way that would bring the item before the refusal comes.
      await pulled(alice);
      server.fault = (operation) => (operation === SEND && server.sends.length === 0 ? 'lose-answer' : undefined);
      server.refuse = () => (server.sends.length > 1 ? wire.Code.BLOCKED : wire.Code.OK);
      const { id } = await alice.client.send('ubob', 'perhaps');
      await clock.until(() => alice.states.some(({ state }) => state === 'failed'), HOUR_MS);
      expect(alice.states.at(-1)).toMatchObject({ id, state: 'failed', error: { code: 'BLOCKED', uncertain: true } });
      await pulled(alice);
      expect(alice.states.at(-1)).toMatchObject({ id, state: 'sent', position: 1 });
      expect(alice.states.at(-1)!.error).toBeUndefined();
      expect(await alice.client.messages('ubob')).toMatchObject([{ id, state: 'sent' }]);
    });

    it('stays so over a restart when nothing ever arrived', async () => {
      const store = memoryStore();
      server.fault = (operation) => (operation === SEND ? 'lose-request' : undefined);
      const alice = await signedIn('alice', 1, { store });
      const { id } = await alice.client.send('ubob', 'perhaps');
      await clock.pass(5);
      await alice.client.close();
      server.fault = () => undefined;
      server.refuse = () => wire.Code.BLOCKED;
      const later = watchedClient(server, clock, { seed: 3, store });
      await later.client.resume();
      await clock.until(() => later.states.length > 0, HOUR_MS);
      expect(await later.client.messages('ubob')).toMatchObject([
        { id, state: 'failed', error: { code: 'BLOCKED', uncertain: true } },
      ]);
    });
  });
});
