import fc from 'fast-check';
import { extend, GAP, know, LOADING, type Chain, type Delivery, type Link } from './chain.js';
import { LIMITS } from './limits.js';

// Goal: who attaches while the feed grows gets an unbroken chain from the key that the attach answers. Pure.

const link = (key: number): Link => ({ userId: 'ua', key, item: new Uint8Array([key % 256]), authorDeviceId: '' });

/** A feed with `before` rows at the attach, `during` until its newest key is read, `after` from then on. */
function attach(before: number, during: number, after: number): { newest: number; deliveries: Delivery[] } {
  let chain: Chain = LOADING;
  const deliveries: Delivery[] = [];
  const grow = (from: number, count: number): void => {
    for (let key = from + 1; key <= from + count; key++) {
      const step = extend(chain, link(key));
      chain = step.chain;
      if (step.delivery !== undefined) deliveries.push(step.delivery);
    }
  };
  grow(before, during);
  expect(deliveries).toEqual([]);
  const known = know(chain, before);
  chain = known.chain;
  deliveries.push(...known.deliveries);
  grow(before + during, after);
  return { newest: before, deliveries };
}

describe('chain', () => {
  it('continues from the newest key without a break, or says that there is one', () => {
    const count = fc.nat(LIMITS.deliveriesWaitingMax * 2);
    fc.assert(
      fc.property(count, count, count, (before, during, after) => {
        const { newest, deliveries } = attach(before, during, after);
        let at = newest;
        for (const delivery of deliveries) {
          if (delivery.previousKey === GAP) expect(delivery.item).toHaveLength(0);
          else expect(delivery.previousKey).toBe(at);
          expect(delivery.key).toBeGreaterThan(at);
          at = delivery.key;
        }
        expect(at).toBe(before + during + after);
      }),
    );
  });

  it('has a gap only when more waited than is kept', () => {
    expect(attach(3, LIMITS.deliveriesWaitingMax, 1).deliveries.map((d) => d.previousKey)).not.toContain(GAP);
    const { deliveries } = attach(3, LIMITS.deliveriesWaitingMax + 1, 0);
    expect(deliveries).toEqual([expect.objectContaining({ previousKey: GAP, key: LIMITS.deliveriesWaitingMax + 4 })]);
  });
});
