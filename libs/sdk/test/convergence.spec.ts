import { sync } from '@magpie/contracts';
import fc from 'fast-check';
import { Account } from '../src/account.js';
import type { Caller } from '../src/caller.js';
import type { PreparedCall } from '../src/commands.js';
import { Emitter } from '../src/emitter.js';
import type { Store } from '../src/ports.js';
import { ServerClock } from '../src/time.js';
import type { Snapshot } from '../src/snapshot.js';
import { memoryStore } from '../src/stores/memory-store.js';
import { seededRandom } from './builders.js';
import { ME, PEERS, Truth, happenings } from './truth.js';
import { VirtualClock } from './virtual-clock.js';

const RUNS = 150;
const PAGE = 7;
type Inner = NonNullable<sync.Item['item']>;

/** A server that brings these items, the first `initial` of them by newinit. */
function bringing(items: readonly Inner[], initial: number): Caller {
  const numbered = items.map((item, index) => ({ number: index + 1, item }));
  const keyOf = (number: number): sync.SyncKey => ({ entries: [{ selector: 0, number }], stamp: new Uint8Array(8) });
  const init = ({ pageToken }: sync.InitRequest): sync.InitResponse => {
    const from = Number(pageToken || 0);
    const page = numbered.slice(from, Math.min(from + PAGE, initial));
    const next = from + page.length;
    return {
      items: page,
      ...(next < initial ? { pageToken: `${next}`, syncKey: undefined } : { pageToken: '', syncKey: keyOf(initial) }),
    };
  };
  const pull = ({ syncKey }: sync.SyncRequest): sync.SyncResponse => {
    const from = syncKey?.entries[0]?.number ?? 0;
    const page = numbered.slice(from, from + PAGE);
    return { items: page, syncKey: keyOf(from + page.length), hasMore: from + page.length < numbered.length };
  };
  const call = async (prepared: PreparedCall<unknown>): Promise<unknown> =>
    prepared.command.id === 27
      ? init(sync.InitRequest.decode(prepared.body))
      : pull(sync.SyncRequest.decode(prepared.body));
  return { call } as unknown as Caller;
}

async function pulled(store: Store, caller: Caller): Promise<Snapshot> {
  const clock = new VirtualClock();
  const account = new Account({
    userId: ME,
    store,
    clock,
    serverClock: new ServerClock(clock),
    random: seededRandom(1),
    caller,
    events: new Emitter(),
    reachable: () => true,
    online: () => true,
  });
  await account.load();
  await account.feed.pull();
  const snapshot = await account.snapshot();
  await account.close();
  return snapshot;
}

/** What the model says of a conversation. */
function expected(truth: Truth, peer: (typeof PEERS)[number]) {
  const cleared = truth.settings.get(peer)?.clearedPosition ?? 0;
  const { readPosition = 0 } = truth.receipts.get(`receipt.${peer}.${ME}`) ?? {};
  const theirs = truth.receipts.get(`receipt.${peer}.ubob`);
  const left = truth.messages
    .get(peer)!
    .filter(({ messageId, position }) => position > cleared && !truth.deleted.has(messageId));
  const unread = left.filter(
    ({ messageId, position, from }) =>
      position > readPosition && from !== ME && from !== '' && !truth.recalledBy.has(messageId),
  );
  const stateOf = (position: number): string => {
    if (peer !== 'ubob' || theirs === undefined) return 'sent';
    if (position <= theirs.readPosition) return 'read';
    return position <= theirs.deliveredPosition ? 'delivered' : 'sent';
  };
  return {
    unread: unread.length,
    mentioned: unread.some(({ mentions }) => mentions.includes(ME) || mentions.includes('all')),
    messages: left.map(({ messageId, position, from }) => ({
      messageId,
      state: from === ME ? stateOf(position) : 'received',
      ...(truth.recalledBy.has(messageId) ? { recalled: true, recalledBy: from, content: {} } : {}),
    })),
  };
}

const shuffled = <T>(items: readonly T[], seed: number): T[] => {
  const { number } = seededRandom(seed);
  return items
    .map((item) => [number(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
};

// Goal: a device's state is what has happened, whatever the order in which items come, how often they come, whether the
// device was restarted meanwhile, and whether they come one by one or as a first load. Real: the whole SDK above the wire.
describe('what a device holds', () => {
  it('follows from what has happened alone', async () => {
    await fc.assert(
      fc.asyncProperty(happenings, fc.integer(), fc.nat({ max: 60 }), async (all, seed, cut) => {
        const truth = new Truth(all);
        const items = truth.entries.map(({ item }) => item);
        const inOrder = await pulled(memoryStore(), bringing(items, 0));
        const first = truth.initial();
        expect(await pulled(memoryStore(), bringing([...first, ...items.slice(cut)], first.length))).toEqual(inOrder);
        const repeated = shuffled([...items, ...items, ...first], seed);
        const store = memoryStore();
        await pulled(store, bringing(repeated.slice(0, cut), 0));
        expect(await pulled(store, bringing(repeated, 0))).toEqual(inOrder);
        for (const peer of PEERS) {
          const held = inOrder.conversations.find((each) => each.peer === peer);
          expect(held ?? { unread: 0, mentioned: false, messages: [] }).toMatchObject(expected(truth, peer));
        }
      }),
      { numRuns: RUNS },
    );
  }, 60_000);
});
