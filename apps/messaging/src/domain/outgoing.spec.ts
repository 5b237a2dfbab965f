import { messaging } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { refusalOf } from '../../test/refusal-of.js';
import { checkOutgoing } from './outgoing.js';

const alice = deriveId('u', 'alice');
const bob = deriveId('u', 'bob');
const text = (value: string): messaging.Content => ({ content: { $case: 'text', value: { text: value } } });
const message = (part: Partial<messaging.OutgoingMessage>): messaging.OutgoingMessage => ({
  clientId: 'c1',
  clientTimeMs: 1_800_000_000_000,
  to: bob,
  content: text('hello'),
  mentions: [],
  quoteMessageId: '',
  forward: undefined,
  burnAfterMs: 0,
  ...part,
});

// Goal: the form of a message is checked to the bound, and the same send always has the same id. All pure.
describe('checkOutgoing', () => {
  const forward = (): messaging.Forward => ({
    peer: bob,
    messageIds: [deriveId('m', 'one')],
    merged: false,
    title: '',
  });

  it('leaves the content of what it forwards to be filled, and keeps how long it is seen', () => {
    const kept = checkOutgoing(alice, message({ content: undefined, forward: forward(), burnAfterMs: 604_800_000 }), 0);
    expect(kept).toMatchObject({ content: { content: undefined }, burnAfterMs: 604_800_000 });
    expect(kept.forward).toMatchObject({ messageIds: forward().messageIds });
    expect(checkOutgoing(alice, message({ burnAfterMs: 1_000 }), 0)).toMatchObject({ burnAfterMs: 1_000 });
  });

  it('gives a retry the same id, and another client id, time, sender or receiver another one', () => {
    const id = (from: string, part: Partial<messaging.OutgoingMessage>) =>
      checkOutgoing(from, message(part), 0).messageId;
    expect(id(alice, {})).toBe(id(alice, { content: text('changed') }));
    const others = [
      id(alice, {}),
      id(alice, { clientId: 'c2' }),
      id(alice, { clientTimeMs: 1_800_000_000_001 }),
      id(bob, { to: alice }),
      id(alice, { to: alice }),
    ];
    expect(new Set(others).size).toBe(others.length);
  });

  it('keeps 4096 code points, normalised, and refuses one more by name', () => {
    const kept = checkOutgoing(alice, message({ content: text('😀'.repeat(4095) + 'e\u0301') }), 0);
    expect(kept.content.content).toMatchObject({ value: { text: '😀'.repeat(4095) + 'é' } });
    expect(() => checkOutgoing(alice, message({ content: text('x'.repeat(4097)) }), 3)).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'messages[3].content.text: 4097 characters, at most 4096',
      }),
    );
  });

  it.each<[string, Partial<messaging.OutgoingMessage>, string, string]>([
    ['no client id', { clientId: '' }, 'INVALID', 'client_id'],
    ['a long client id', { clientId: 'c'.repeat(65) }, 'INVALID', 'client_id'],
    ['a client id with a space', { clientId: 'a b' }, 'INVALID', 'client_id'],
    ['no time', { clientTimeMs: 0 }, 'INVALID', 'client_time_ms'],
    ['nobody', { to: '' }, 'INVALID', 'to'],
    ['something that is no user', { to: 'nobody!' }, 'NO_SUCH_PEER', 'to'],
    ['no content', { content: undefined }, 'INVALID', 'content'],
    ['an empty content', { content: { content: undefined } }, 'INVALID', 'content'],
    ['an empty text', { content: text('') }, 'INVALID', 'content.text'],
    ['a mention of nobody', { mentions: ['?'] }, 'INVALID', 'mentions'],
    ['a content besides what it forwards', { forward: forward() }, 'INVALID', 'forward'],
    ['a burning that is too short', { burnAfterMs: 999 }, 'INVALID', 'burn_after_ms'],
    ['a burning that is too long', { burnAfterMs: 604_800_001 }, 'INVALID', 'burn_after_ms'],
    ['a burning message to a group', { to: deriveId('g', 'group'), burnAfterMs: 1_000 }, 'INVALID', 'burn_after_ms'],
    ['a note to oneself that burns', { to: alice, burnAfterMs: 1_000 }, 'INVALID', 'burn_after_ms'],
    ['too many mentions', { mentions: new Array<string>(101).fill('all') }, 'TOO_LARGE', 'mentions'],
  ])('refuses %s', (_name, part, code, field) => {
    const refusal = refusalOf(() => checkOutgoing(alice, message(part), 2));
    expect(refusal).toMatchObject({ code, details: [{ field: `messages[2].${field}` }] });
  });
});
