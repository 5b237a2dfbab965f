import { Corked } from './corked.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A transport that takes batches and says so when told. */
function transport(limits: { itemsMax?: number; bytesMax?: number; held?: boolean } = {}) {
  const batches: string[][] = [];
  const taken: (() => void)[] = [];
  const corked = new Corked<string>({
    send: (items, done) => void (batches.push(items), taken.push(done)),
    sizeOf: (item) => item.length,
    itemsMax: limits.itemsMax ?? 100,
    bytesMax: limits.bytesMax ?? 1_000,
    held: limits.held ?? false,
  });
  return { corked, batches, takeNext: () => taken.shift()?.() };
}

describe('Corked', () => {
  it('sends items of one turn together and what gathers meanwhile after them', async () => {
    // Goal: one batch on its way at a time, nothing reordered.
    const { corked, batches, takeNext } = transport();
    corked.push('a');
    corked.push('b');
    await turn();
    corked.push('c');
    corked.push('d');
    await turn();
    expect(batches).toEqual([['a', 'b']]);
    takeNext();
    expect(batches).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(corked.idle).toBe(false);
    takeNext();
    expect(corked.idle).toBe(true);
  });

  it('keeps batches within both bounds', async () => {
    // Goal: a batch passes its bytes by its last item only, and never its items.
    const { corked, batches, takeNext } = transport({ itemsMax: 3, bytesMax: 4 });
    for (const item of ['xxx', 'yyy', 'z', 'z', 'z', 'z']) corked.push(item);
    await turn();
    takeNext();
    takeNext();
    expect(batches).toEqual([['xxx', 'yyy'], ['z', 'z', 'z'], ['z']]);
  });

  it('holds everything until it is released', async () => {
    // Goal: nothing is written to a stream that does not stand yet.
    const { corked, batches } = transport({ held: true });
    corked.push('a');
    await turn();
    expect(batches).toEqual([]);
    corked.release();
    await turn();
    expect(batches).toEqual([['a']]);
  });
});
