import fc from 'fast-check';
import { textOf } from '../src/local-message.js';
import { memoryStore } from '../src/stores/memory-store.js';
import { crashableStore, seededRandom, watchedClient, type Watched } from './builders.js';
import { SimulatedServer, type Fault } from './simulated-server.js';
import { VirtualClock } from './virtual-clock.js';

const RUNS = 40;
const MESSAGES = 24;
const FAULTS: readonly Fault[] = ['lose-request', 'lose-answer', 'cut-before', 'cut-after', 'unavailable'];
const PEERS = ['ubob', 'ucarol'] as const;

interface Trouble {
  readonly seed: number;
  /** Share of requests that something happens to. */
  readonly faults: number;
  readonly notices: 'items' | 'bare' | 'lost' | 'mixed';
  /** Messages after which the sender's device loses its power. */
  readonly crashes: readonly number[];
  readonly longLink: boolean;
}

const trouble = fc.record<Trouble>({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  faults: fc.constantFrom(0, 0.1, 0.3, 0.5),
  notices: fc.constantFrom('items', 'bare', 'lost', 'mixed'),
  crashes: fc.uniqueArray(fc.integer({ min: 1, max: MESSAGES - 1 }), { maxLength: 3 }),
  longLink: fc.boolean(),
});

async function signIn(clock: VirtualClock, watched: Watched, userName: string): Promise<Watched> {
  let done = false;
  void watched.client.register({ userName, password: 'correct horse' }).then(() => (done = true));
  await clock.until(() => done);
  return watched;
}

/** Sends under trouble, restarts the sender, lets the trouble end, and answers what everybody then holds. */
async function run({ seed, faults, notices, crashes, longLink }: Trouble) {
  const clock = new VirtualClock();
  const server = new SimulatedServer(clock);
  const chance = seededRandom(seed);
  const links = longLink ? [server.link()] : [];
  let device = crashableStore(memoryStore());
  const under = device;
  let alice = await signIn(clock, watchedClient(server, clock, { seed, store: device, links }), 'alice');
  const bob = await signIn(clock, watchedClient(server, clock, { seed: seed + 1, links: [server.link()] }), 'bob');
  const everFailed = new Set<string>();
  const shownStates: Watched['states'] = [];
  const watch = (): void => {
    alice.client.on('state', (message) => {
      shownStates.push(message);
      if (message.state === 'failed') everFailed.add(textOf(message.content));
    });
  };
  watch();
  server.fault = () => (chance.number() < faults ? FAULTS[Math.floor(chance.number() * FAULTS.length)] : undefined);
  const howNoticed = ['items', 'bare', 'lost'] as const;
  server.noticing = () => (notices === 'mixed' ? howNoticed[Math.floor(chance.number() * 3)]! : notices);
  const written: { to: string; text: string }[] = [];
  for (let i = 0; i < MESSAGES; i++) {
    const entry = { to: PEERS[Math.floor(chance.number() * 2)]!, text: `${i}` };
    await alice.client.send(entry.to, entry.text);
    written.push(entry);
    if (chance.number() < 0.5) await clock.pass(chance.number() * 3000);
    if (!crashes.includes(i)) continue;
    device.crash();
    await alice.client.close();
    device = crashableStore(under.survivor());
    alice = watchedClient(server, clock, { seed: seed + 10 + i, store: device, links });
    watch();
    await alice.client.resume();
  }
  await clock.until(() => alice.client.sending === 0);
  server.fault = () => undefined;
  for (const peer of PEERS) {
    for (const message of await alice.client.messages(peer, 100)) {
      if (message.state === 'failed') await alice.client.resend(message.id);
    }
  }
  await clock.until(() => alice.client.sending === 0);
  await clock.pass(120_000);
  const held = (await Promise.all(PEERS.map((peer) => alice.client.messages(peer, 100)))).flat();
  return { server, written, everFailed, bob, held };
}

describe('delivery under trouble', () => {
  it('puts every message into the log once, in order per conversation, and shows each once', async () => {
    await fc.assert(
      fc.asyncProperty(trouble, async (plan) => {
        const { server, written, everFailed, bob, held } = await run(plan);
        const accepted = (to: string): string[] =>
          server.log.filter((message) => message.to === to).map(({ content }) => textOf(content!));
        for (const peer of PEERS) {
          const texts = written.filter(({ to }) => to === peer).map(({ text }) => text);
          expect(accepted(peer).toSorted()).toEqual(texts.toSorted());
          const steady = (text: string): boolean => !everFailed.has(text);
          expect(accepted(peer).filter(steady)).toEqual(texts.filter(steady));
        }
        expect(server.mostInFlight).toBeLessThanOrEqual(1);
        expect(bob.shown.map(({ content }) => textOf(content))).toEqual(accepted('ubob'));
        expect(held.map(({ state }) => state)).toEqual(written.map(() => 'sent'));
        expect(held.every(({ position }) => position !== undefined)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  }, 60_000);
});
