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
    ['too many mentions', { mentions: new Array<string>(101).fill('all') }, 'TOO_LARGE', 'mentions'],
  ])('refuses %s', (_name, part, code, field) => {
    const refusal = refusalOf(() => checkOutgoing(alice, message(part), 2));
    expect(refusal).toMatchObject({ code, details: [{ field: `messages[2].${field}` }] });
  });
});
