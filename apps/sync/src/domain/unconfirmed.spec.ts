import { messaging, sync } from '@magpie/contracts';
import fc from 'fast-check';
import { LIMITS } from './limits.js';
import { pairMessageIn } from './pair-message.js';
import { Unconfirmed } from './unconfirmed.js';

// Goal: what is told as delivered is what a device has confirmed, it never goes back, and in the end it is all.
describe('Unconfirmed', () => {
  it('tells of each peer what is confirmed, something each time, and all when all is', () => {
    const steps = fc.array(
      fc.record({ peer: fc.constantFrom('ub', 'uc', 'ua'), step: fc.integer({ min: 1, max: 3 }), lag: fc.nat(6) }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, (script) => {
        const unconfirmed = new Unconfirmed();
        const told = new Map<string, number>();
        const handed: { key: number; peer: string }[] = [];
        const confirm = (key: number): void => {
          for (const { peer, position } of unconfirmed.confirm('ua', key)) {
            expect(handed).toContainEqual({ key: position, peer });
            expect(position).toBeLessThanOrEqual(key);
            expect(position).toBeGreaterThan(told.get(peer) ?? 0);
            told.set(peer, position);
          }
          expect(unconfirmed.confirm('ub', key)).toEqual([]);
        };
        let key = 0;
        for (const { peer, step, lag } of script) {
          key += step;
          unconfirmed.hand('ua', key, { peer, position: key });
          handed.push({ key, peer });
          confirm(key - lag);
        }
        confirm(key);
        const last = new Map(handed.filter(({ peer }) => peer !== 'ua').map((one) => [one.peer, one.key]));
        expect(told).toEqual(last);
      }),
    );
  });

  it('tells something with every confirmation of an endless stream', () => {
    const unconfirmed = new Unconfirmed();
    const told: number[] = [];
    for (let key = 1; key <= 20; key++) {
      unconfirmed.hand('ua', key, { peer: 'ub', position: key });
      if (key % 2 === 0) told.push(...unconfirmed.confirm('ua', key - 1).map(({ position }) => position));
    }
    expect(told).toHaveLength(10);
  });

  it('keeps a bounded number of peers and users, the newest', () => {
    const unconfirmed = new Unconfirmed();
    for (let key = 1; key <= LIMITS.unconfirmedPeersMax + 1; key++) {
      unconfirmed.hand('ua', key, { peer: `u${key}`, position: key });
    }
    expect(unconfirmed.confirm('ua', 2)).toEqual([{ userId: 'ua', peer: 'u2', position: 2 }]);
    for (let user = 0; user <= LIMITS.unconfirmedUsersMax; user++) {
      unconfirmed.hand(`u-${user}`, 1, { peer: 'ub', position: 1 });
    }
    expect(unconfirmed.confirm('u-0', 1)).toEqual([]);
    expect(unconfirmed.confirm('u-1', 1)).toHaveLength(1);
  });
});

// Goal: the one message of an item is known by three of its fields, whatever else it holds.
describe('pairMessageIn', () => {
  const item = (message: Partial<messaging.Message>) => {
    const value = messaging.Message.fromPartial(message);
    return sync.Item.encode({ number: 2 ** 45 + 7, item: { $case: 'message', value } }).finish();
  };
  const content = { content: { $case: 'text' as const, value: { text: 'ü '.repeat(200) } } };
  const whole = { messageId: 'm1', position: 2 ** 44 + 3, clientTimeMs: 2 ** 41, serverTimeMs: 2 ** 41, content };

  it.each<[string, Partial<messaging.Message>, boolean]>([
    ['what the other one wrote', { from: 'ub', to: 'ua', peer: 'ub' }, true],
    ['what one has written oneself', { from: 'ua', to: 'ub', peer: 'ub' }, false],
    ['what stands in a group', { from: 'ub', to: 'g1', peer: 'g1' }, false],
    ['a tip in a group', { from: '', to: 'g1', peer: 'g1' }, false],
  ])('%s', (_what, message, isOne) => {
    const expected = { key: 2 ** 45 + 7, message: isOne ? { peer: 'ub', position: whole.position } : undefined };
    expect(pairMessageIn(item({ ...whole, ...message }))).toEqual(expected);
  });

  it('is none in bytes that are no message, and comes to an end there', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(() => pairMessageIn(bytes)).not.toThrow();
      }),
    );
  });

  it('is none in other items', () => {
    const receipt = messaging.Receipt.fromPartial({ peer: 'ub', reader: 'ub', readPosition: 5 });
    const bytes = sync.Item.encode({ number: 3, item: { $case: 'receipt', value: receipt } }).finish();
    expect(pairMessageIn(bytes)).toEqual({ key: 3, message: undefined });
  });
});
