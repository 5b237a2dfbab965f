import { unavailable } from '@magpie/domain';
import { deriveId } from '@magpie/domain/ids';
import { MarkRead } from './mark-read.js';

const [alice, bob] = [deriveId('u', 'alice'), deriveId('u', 'bob')];

// Goal: nobody is told of a reading before the time of what burns by it has begun. Ports are in memory.
describe('MarkRead', () => {
  it('writes the receipt behind what it lights, and not without', async () => {
    const order: string[] = [];
    let down = true;
    const receipts = {
      updateOne: () => Promise.resolve({ modifiedCount: order.push('receipt'), upsertedCount: 0 }),
    };
    const burning = {
      read: (...asked: unknown[]) => {
        if (down) return Promise.reject(unavailable('the database'));
        order.push(asked.join());
        return Promise.resolve();
      },
    };
    const places = { upTo: () => Promise.resolve(7) };
    const markRead = new MarkRead(receipts as never, places, () => order.push('told'), burning);
    await expect(markRead.execute(bob, { peer: alice, position: 9 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(order).toEqual([]);
    down = false;
    await markRead.execute(bob, { peer: alice, position: 9 });
    const conversation = ['d', ...[alice, bob].sort()].join('.');
    expect(order).toEqual([`${bob},${conversation},7`, 'receipt', 'told']);
  });
});
