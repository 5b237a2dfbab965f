import fc from 'fast-check';
import { NOTICE_ITEMS_BYTES_MAX, NoticeChain, type Entry, type NoticeContent } from './notice-chain.js';

const item = (key: number, length = 8): Uint8Array => new Uint8Array(length).fill(key % 251);
const entry = (previousKey: number, key: number, more: Partial<Entry> = {}): Entry => ({
  previousKey,
  key,
  item: item(key),
  own: false,
  ...more,
});

// Goal: a notice carries items exactly when they are all that the device lacks. Real: all.
describe('NoticeChain', () => {
  it('carries what follows the device’s key, together', () => {
    const chain = new NoticeChain(10);
    chain.attached(10);
    chain.entry(entry(10, 12));
    chain.entry(entry(12, 17));
    expect(chain.take()).toEqual({ fromKey: 10, toKey: 17, items: [item(12), item(17)] });
    expect(chain.take()).toBeUndefined();
    chain.entry(entry(17, 18));
    expect(chain.take()).toMatchObject({ fromKey: 17, toKey: 18 });
  });

  it('only says that there is news when the device lags', () => {
    const chain = new NoticeChain(10);
    chain.attached(15);
    expect(chain.take()).toEqual({ fromKey: 10, toKey: 15, items: [] });
    chain.entry(entry(15, 16));
    expect(chain.take()).toEqual({ fromKey: 10, toKey: 16, items: [] });
    chain.holds(16);
    chain.entry(entry(16, 20));
    expect(chain.take()).toEqual({ fromKey: 16, toKey: 20, items: [item(20)] });
  });

  it('keeps the device’s own doing for its next notice', () => {
    const chain = new NoticeChain(1);
    chain.entry(entry(1, 2, { own: true }));
    expect(chain.pending).toBe(false);
    chain.entry(entry(2, 3));
    expect(chain.take()).toEqual({ fromKey: 1, toKey: 3, items: [item(2), item(3)] });
  });

  it('has no items when they are too large, unknown or follow a gap', () => {
    const tooMuch = new NoticeChain(1);
    tooMuch.entry(entry(1, 2, { item: item(2, NOTICE_ITEMS_BYTES_MAX) }));
    tooMuch.entry(entry(2, 3));
    expect(tooMuch.take()).toMatchObject({ toKey: 3, items: [] });
    const empty = new NoticeChain(1);
    empty.entry(entry(1, 2, { item: new Uint8Array(0) }));
    expect(empty.take()).toMatchObject({ toKey: 2, items: [] });
    const gap = new NoticeChain(1);
    gap.entry(entry(-1, 2));
    expect(gap.take()).toMatchObject({ toKey: 2, items: [] });
  });

  it('ignores a newest key below the device’s own', () => {
    const chain = new NoticeChain(9);
    chain.attached(7);
    chain.entry(entry(7, 8));
    expect(chain.take()).toBeUndefined();
    expect(chain.newestKey).toBe(9);
  });

  it('brings every entry once and in order, whatever is lost, late or coalesced', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(steps, fc.nat({ max: 3 })), { maxLength: 120 }), (script) => {
        const world = new World();
        for (const [step, count] of script) for (let n = 0; n <= count; n++) world[step]();
        world.settle();
        expect(world.device.got).toEqual(world.feed.map(({ key }) => key));
      }),
      { numRuns: 500 },
    );
  });
});

const steps = fc.constantFrom(
  'append',
  'appendOwn',
  'appendLarge',
  'lose',
  'attach',
  'flush',
  'receive',
  'full',
  'beat',
);

type Down = { notice: NoticeContent } | { answer: readonly number[]; key: number };

/** A feed, a gateway's link and a device, with an ordered channel towards the device. */
class World {
  readonly feed: { key: number }[] = [];
  readonly device = { key: 0, got: [] as number[], pulling: false };
  private readonly chain = new NoticeChain(0);
  private readonly down: Down[] = [];
  private lost = false;

  append(): void {
    this.add({});
  }
  appendOwn(): void {
    this.add({ own: true });
  }
  appendLarge(): void {
    this.add({ large: true });
  }
  /** Deliveries stop coming until the next attach. */
  lose(): void {
    this.lost = true;
  }
  attach(): void {
    this.lost = false;
    this.chain.attached(this.newest());
  }
  full(): void {
    this.chain.drop();
  }
  beat(): void {
    this.chain.holds(this.device.key);
  }
  flush(): void {
    const notice = this.chain.take();
    if (notice !== undefined) this.down.push({ notice });
  }

  /** The contract's rule: apply when the keys fit, else pull. */
  receive(): void {
    const next = this.down.shift();
    if (next === undefined) return;
    if ('answer' in next) {
      this.device.pulling = false;
      this.store(next.answer, next.key);
    } else if (next.notice.items.length > 0 && next.notice.fromKey === this.device.key) {
      const { fromKey, toKey } = next.notice;
      const keys = this.feed.map(({ key }) => key).filter((key) => key > fromKey && key <= toKey);
      expect(next.notice.items.map((bytes) => bytes[0])).toEqual(keys.map((key) => key % 251));
      this.store(keys, toKey);
    } else if (next.notice.toKey > this.device.key) {
      this.pull();
    }
  }

  settle(): void {
    this.attach();
    this.append();
    for (let round = 0; round < 1000 && (this.down.length > 0 || this.chain.pending); round++) {
      this.flush();
      this.receive();
    }
    this.pull();
    while (this.down.length > 0) this.receive();
  }

  private pull(): void {
    if (this.device.pulling) return;
    this.device.pulling = true;
    const answer = this.feed.map(({ key }) => key).filter((key) => key > this.device.key);
    const key = answer.at(-1) ?? this.device.key;
    this.chain.holds(key);
    this.down.push({ answer, key });
  }

  private store(keys: readonly number[], key: number): void {
    this.device.got.push(...keys.filter((one) => one > this.device.key));
    this.device.key = Math.max(this.device.key, key);
  }

  private add({ own = false, large = false }): void {
    const previousKey = this.newest();
    const key = previousKey + 1 + (this.feed.length % 3);
    this.feed.push({ key });
    const size = large ? NOTICE_ITEMS_BYTES_MAX / 2 : 8;
    if (!this.lost) this.chain.entry({ previousKey, key, item: item(key, size), own });
  }

  private newest(): number {
    return this.feed.at(-1)?.key ?? 0;
  }
}
