import { Client, type ClientOptions } from '../src/client.js';
import type { LocalMessage } from '../src/local-message.js';
import type { Random, Store } from '../src/ports.js';
import { memoryStore } from '../src/stores/memory-store.js';
import type { SimulatedServer } from './simulated-server.js';
import type { VirtualClock } from './virtual-clock.js';

/** Repeatable chance (mulberry32); ids differ by seed. */
export function seededRandom(seed: number): Random {
  let state = seed;
  let ids = 0;
  return {
    number: () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    },
    id: () => `${seed.toString(16)}x${(ids++).toString(16)}`.padStart(24, '0'),
  };
}

/** A store whose device can lose its power: from then on nothing is written and nobody is answered. */
export interface CrashableStore extends Store {
  crash(): void;
  /** What the next device finds. */
  survivor(): Store;
}

export function crashableStore(under: Store = memoryStore()): CrashableStore {
  let dead = false;
  return {
    get: (key) => under.get(key),
    list: (range) => under.list(range),
    write: (changes) => (dead ? Promise.reject(new Error('no power')) : under.write(changes)),
    close: async () => {},
    crash: () => (dead = true),
    survivor: () => under,
  };
}

export interface Watched {
  readonly client: Client;
  /** Messages as they were shown first. */
  readonly shown: LocalMessage[];
  readonly states: LocalMessage[];
}

/** A client of the simulated server, with what it tells its listeners. */
export function watchedClient(
  server: SimulatedServer,
  clock: VirtualClock,
  options: Partial<ClientOptions> & { seed: number; links?: ClientOptions['links'] },
): Watched {
  const { seed, ...rest } = options;
  const client = new Client({
    http: 'http://simulated',
    store: memoryStore(),
    device: { name: 'test' },
    links: [server.link()],
    shortLink: server.shortLink(),
    clock,
    random: seededRandom(seed),
    ...rest,
  });
  const shown: LocalMessage[] = [];
  const states: LocalMessage[] = [];
  client.on('message', ({ message }) => shown.push(message));
  client.on('state', (message) => states.push(message));
  return { client, shown, states };
}
