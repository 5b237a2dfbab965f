import { messaging, sync } from '@magpie/contracts';
import fc from 'fast-check';
import { LIMITS } from './limits.js';
import { pairMessageIn } from './pair-message.js';
import { Unconfirmed } from './unconfirmed.js';

// Goal: what is told as delivered is what a device has confirmed: the last message of each peer up to its key.
describe('Unconfirmed', () => {
  it('tells of each peer the last that is confirmed, once', () => {
    const messages = fc.array(
      fc.record({ peer: fc.constantFrom('ub', 'uc', 'ua'), step: fc.integer({ min: 1, max: 3 }), isKey: fc.boolean() }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(messages, (script) => {
        const unconfirmed = new Unconfirmed();
        const told = new Map<string, number>();
        const expected = new Map<string, number>();
        const all: { key: number; peer: string }[] = [];
        let key = 0;
        for (const { peer, step, isKey } of script) {
          key += step;
          unconfirmed.hand('ua', key, { peer, position: key });
          all.push({ key, peer });
          if (!isKey) continue;
          for (const one of all) if (one.peer !== 'ua' && one.key <= key - 1) expected.set(one.peer, one.key);
          for (const mark of unconfirmed.confirm('ua', key - 1)) {
            expect(mark.position).toBeGreaterThan(told.get(mark.peer) ?? 0);
            told.set(mark.peer, mark.position);
          }
          expect(unconfirmed.confirm('ua', key - 1)).toEqual([]);
          expect(told).toEqual(expected);
        }
      }),
    );
  });

  it('keeps a bounded number of messages and users, the newest', () => {
    const unconfirmed = new Unconfirmed();
    for (let key = 1; key <= LIMITS.unconfirmedMax + 1; key++) {
      unconfirmed.hand('ua', key, { peer: `u${key}`, position: key });
    }
    expect(unconfirmed.confirm('ua', 1)).toEqual([]);
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
