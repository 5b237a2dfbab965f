import { gather, type Calling, type Judged } from './calling.js';
import { wordingOf } from './wording.js';

// Goal: one push per conversation for what calls now, in words that tell no more than its reader wants.

const NOW = 1_000_000;
const calling = (more: Partial<Calling>): Calling => ({
  ...{
    kind: 'message',
    peer: 'ub',
    messageId: 'm1',
    position: 5,
    key: 7,
    from: 'ub',
    atMs: NOW,
    text: 'hi',
    contentKind: 'text',
  },
  ...more,
});
const judged = (callings: Calling[], more: Partial<Judged> = {}) =>
  gather({ callings, muted: new Set(), over: new Set(), read: new Map(), now: NOW, expiryMs: 1_000, ...more });

describe('calling', () => {
  it('gathers by conversation, and a mention stays one', () => {
    const all = [
      calling({}),
      calling({ peer: 'g1', kind: 'mention' }),
      calling({ messageId: 'm2', key: 9, text: 'last' }),
      calling({ peer: 'g1', kind: 'message' }),
    ];
    const gathered = judged(all).map(({ peer, kind, keys, last }) => [peer, kind, keys, last.text]);
    expect(gathered).toEqual([
      ['ub', 'message', [7, 9], 'last'],
      ['g1', 'mention', [7, 7], 'hi'],
    ]);
  });

  it('calls nobody for what is muted, read, taken back or too old; but for a mention', () => {
    const muted = new Set(['g1']);
    expect(judged([calling({ peer: 'g1' })], { muted })).toEqual([]);
    expect(judged([calling({ peer: 'g1', kind: 'mention' })], { muted })).toHaveLength(1);
    expect(judged([calling({})], { over: new Set(['m1']) })).toEqual([]);
    expect(judged([calling({})], { read: new Map([['ub', 5]]) })).toEqual([]);
    expect(judged([calling({})], { read: new Map([['ub', 4]]) })).toHaveLength(1);
    expect(judged([calling({ atMs: NOW - 1_001 })])).toEqual([]);
  });

  it.each([
    ['message', 1, undefined, 'zh-CN', ['新消息', '']],
    ['message', 3, undefined, 'fr', ['3 new messages', '']],
    ['mention', 1, undefined, 'en', ['You were mentioned', '']],
    ['request', 1, undefined, 'zh', ['新的朋友', '']],
    ['message', 1, { title: 'Li', text: 'hello', contentKind: 'text' }, 'en', ['Li', 'hello']],
    ['message', 1, { title: 'Li', text: '', contentKind: 'image' }, 'zh', ['Li', '[图片]']],
    ['message', 1, { title: 'Li', text: '', contentKind: 'custom' }, 'en', ['Li', 'New message']],
    ['request', 1, { title: 'Li', text: '', contentKind: '' }, 'en', ['Li', 'New friend request']],
    ['message', 1, { title: '', text: 'hello', contentKind: 'text' }, 'en', ['New message', '']],
  ] as const)('says of a %s (%i, %j) in %s: %j', (kind, count, content, locale, [title, body]) => {
    expect(wordingOf({ kind, count, content }, locale)).toEqual({ title, body });
  });

  it('cuts what is long, never a character', () => {
    const { body } = wordingOf(
      { kind: 'message', count: 1, content: { title: 'Li', text: '😀'.repeat(500), contentKind: 'text' } },
      'en',
    );
    expect([...body]).toHaveLength(120);
    expect(body.endsWith('😀…')).toBe(true);
  });
});
