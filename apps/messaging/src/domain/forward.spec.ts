import { messaging } from '@magpie/contracts';
import { conversationOf } from '@magpie/domain';
import { deriveId } from '@magpie/domain/ids';
import { refusalOf } from '../../test/refusal-of.js';
import { checkForward, forwardedContent, type CheckedForward, type Forwardable } from './forward.js';
import { FORWARD_LIMITS } from './limits.js';

const [alice, bob] = [deriveId('u', 'alice'), deriveId('u', 'bob')];
const id = (n: number) => deriveId('m', `message ${n}`);
const text = (value: string): messaging.Content => ({ content: { $case: 'text', value: { text: value } } });
const merged = (...contents: messaging.Content[]): messaging.Content => {
  const entries = contents.map((content) => ({ from: bob, serverTimeMs: 1, content }));
  return { content: { $case: 'merged', value: { title: 'inner', entries } } };
};
const tip: messaging.Content = { content: { $case: 'system', value: { code: 'group.created', values: {} } } };
const said = (position: number, content: messaging.Content, more: Partial<Forwardable> = {}): Forwardable => ({
  position,
  at: 1_000 + position,
  recalled: false,
  sent: { from: bob, content, burnAfterMs: 0 },
  ...more,
});

const form = (more: Partial<messaging.Forward> = {}): messaging.Forward => ({
  peer: bob,
  messageIds: [id(1)],
  merged: true,
  title: '',
  ...more,
});
const check = (more: Partial<messaging.Forward> = {}): CheckedForward => checkForward(alice, 'forward', form(more));
const bytesOf = (given: messaging.Content) => messaging.Content.encode(given).finish().length;
const content = (forward: CheckedForward, ...messages: Forwardable[]) =>
  forwardedContent(forward, new Map(messages.map((each, k) => [id(k + 1), each])), bytesOf);

// Goal: what may be forwarded, and what comes of it. Pure.
describe('forwarding', () => {
  it('names a conversation from the side of who forwards', () => {
    const many = Array.from({ length: 100 }, (_, n) => id(n));
    expect(check({ messageIds: many, title: 'e\u0301'.repeat(64) })).toEqual({
      field: 'forward',
      peer: bob,
      conversation: conversationOf(alice, bob),
      messageIds: many,
      merged: true,
      title: '\u00e9'.repeat(64),
    });
    expect(check({ peer: deriveId('g', 'group') }).conversation).toBe(`g.${deriveId('g', 'group')}`);
  });

  it.each<[string, Partial<messaging.Forward>, string, string]>([
    ['no peer', { peer: '' }, 'INVALID', 'peer'],
    ['a peer that is none', { peer: 'x' }, 'NO_SUCH_PEER', 'peer'],
    ['no messages', { messageIds: [] }, 'INVALID', 'message_ids'],
    ['what is no message', { messageIds: ['x'] }, 'INVALID', 'message_ids'],
    ['a message twice', { messageIds: [id(1), id(1)] }, 'INVALID', 'message_ids'],
    ['two that are not merged', { messageIds: [id(1), id(2)], merged: false }, 'TOO_LARGE', 'message_ids'],
    ['101', { messageIds: Array.from({ length: 101 }, (_, n) => id(n)) }, 'TOO_LARGE', 'message_ids'],
    ['a title of 65', { title: 'x'.repeat(65) }, 'INVALID', 'title'],
    ['a title of what is not merged', { title: 'x', merged: false }, 'INVALID', 'title'],
  ])('refuses %s', (_name, part, code, field) => {
    expect(refusalOf(() => check(part))).toMatchObject({ code, details: [{ field: `forward.${field}` }] });
  });

  it('says what the one message says, of whatever kind but a tip', () => {
    const one = check({ merged: false });
    for (const each of [text('hello'), merged(text('a'))]) expect(content(one, said(1, each))).toEqual(each);
    expect(refusalOf(() => content(one, said(1, tip)))).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('merges messages in their order, with who said them and when', () => {
    const forward = check({ messageIds: [id(1), id(2)], title: 'Bob' });
    expect(content(forward, said(9, text('second')), said(4, text('first')))).toEqual({
      content: {
        $case: 'merged',
        value: {
          title: 'Bob',
          entries: [
            { from: bob, serverTimeMs: 1_004, content: text('first') },
            { from: bob, serverTimeMs: 1_009, content: text('second') },
          ],
        },
      },
    });
  });

  it('finds nothing of what is not there, was taken back or will burn', () => {
    const forward = check({ messageIds: [id(1), id(2)] });
    const here = said(1, text('here'));
    const burning = { from: bob, content: text('secret'), burnAfterMs: 1_000 };
    for (const gone of [[], [said(2, text('x'), { recalled: true })], [said(2, text('x'), { sent: burning })]]) {
      expect(refusalOf(() => content(forward, here, ...gone))).toMatchObject({
        code: 'NOT_FOUND',
        details: [{ field: 'forward.message_ids' }],
      });
    }
  });

  it('merges merged messages once', () => {
    expect(() => content(check(), said(1, merged(text('a'))))).not.toThrow();
    const refusal = refusalOf(() => content(check(), said(1, merged(merged(text('a'))))));
    expect(refusal).toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('3 deep in each other, at most 2'),
    });
  });

  it('bounds the merged message as a whole', () => {
    const ids = Array.from({ length: 100 }, (_, n) => id(n + 1));
    const sized = (length: number) => ids.map((_, n) => said(n, text('x'.repeat(length))));
    expect(() => content(check({ messageIds: ids }), ...sized(500))).not.toThrow();
    const refusal = refusalOf(() => content(check({ messageIds: ids }), ...sized(1_000)));
    expect(refusal.code).toBe('TOO_LARGE');
    expect(refusal.message).toContain(`at most ${FORWARD_LIMITS.mergedBytesMax}`);
  });
});
