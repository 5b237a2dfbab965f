import { messaging, social } from '@magpie/contracts';
import { numberOf } from '@magpie/domain';
import type { NewCall } from '../../commands/push/call-queue.js';
import type { Row } from '../../domain/entry.js';
import type { Registration } from '../../domain/push/registration.js';
import { DEFAULT_SETTINGS } from '../../domain/push/settings.js';
import type { Callable } from '../../queries/push/registered.js';
import { judgeCalls } from './judge-calls.js';

// Goal: of what came, each device that is away is called for what calls it, under the names that its user knows.

const NOW = 10_000_000;
let offset = 0;
beforeEach(() => (offset = 0));

function row(itemField: number, body: { finish(): Uint8Array }): Row {
  const key = numberOf(1, ++offset);
  return { key, users: ['u'], stateOf: '', itemField, body: body.finish(), renderings: [] };
}
const message = (more: Partial<Parameters<typeof messaging.Message.fromPartial>[0]>): Row => {
  const text = { $case: 'text', value: { text: 'hi' } } as const;
  const common = { from: 'ub', peer: 'ub', position: offset + 1, serverTimeMs: NOW, content: { content: text } };
  return row(
    2,
    messaging.Message.encode(messaging.Message.fromPartial({ messageId: `m${offset + 1}`, ...common, ...more })),
  );
};
const recall = (messageId: string): Row => row(4, messaging.Recall.encode(messaging.Recall.fromPartial({ messageId })));
const receipt = (reader: string, readPosition: number): Row =>
  row(3, messaging.Receipt.encode(messaging.Receipt.fromPartial({ peer: 'ub', reader, readPosition })));
const { PENDING, ACCEPTED } = social.FriendRequestItem_RequestState;
const request = (from: string, state = PENDING): Row =>
  row(
    9,
    social.FriendRequestItem.encode(social.FriendRequestItem.fromPartial({ requestId: 'r1', from, state, atMs: NOW })),
  );

const device = (deviceId: string) => ({ userId: 'u', deviceId }) as Registration;

/** Judges rows of the user `u`, who has a phone and a desk; the desk is online. */
async function judge(rows: readonly Row[], more: { settings?: Partial<Callable['settings']>; seen?: number } = {}) {
  const calls: NewCall[] = [];
  const ended: string[] = [];
  const settings = { ...DEFAULT_SETTINGS, ...more.settings };
  const callable = { devices: [device('phone'), device('desk')], settings };
  const seen = new Map(more.seen === undefined ? [] : [['phone', more.seen]]);
  await judgeCalls([{ userId: 'u', rows, seen }], {
    registered: { of: () => Promise.resolve(new Map([['u', callable]])) },
    presence: { isOnline: (_, deviceId) => deviceId === 'desk' },
    conversations: {
      mutedOf: () => Promise.resolve(new Set(['u g2'])),
      namesOf: (sides) =>
        Promise.resolve(new Map(sides.map(({ userId, peer }) => [`${userId} ${peer}`, `name of ${peer}`]))),
    },
    queue: {
      put: (put) => Promise.resolve(void calls.push(...put)),
      over: (userId, id) => Promise.resolve(void ended.push(`${userId} over ${id}`)),
      read: (ids, position) => Promise.resolve(void ended.push(`${ids.join('+')} read ${position}`)),
    },
    called: () => undefined,
    now: () => NOW,
  });
  return { calls, ended };
}

describe('who is called', () => {
  it('is the device that is away, once for a conversation, and without a word of it', async () => {
    const { calls } = await judge([message({}), message({ peer: 'g1' }), message({})]);
    expect(
      calls.map(({ deviceId, peer, keys, messageId, content }) => [deviceId, peer, keys.length, messageId, content]),
    ).toEqual([
      ['phone', 'ub', 2, 'm3', undefined],
      ['phone', 'g1', 1, 'm2', undefined],
    ]);
  });

  it('is nobody for what its user or a server says, what is muted, or what it has seen', async () => {
    const rows = [message({ from: 'u' }), message({ from: '' }), message({ peer: 'g2' }), message({ recalled: true })];
    expect((await judge(rows)).calls).toEqual([]);
    const named = message({ peer: 'g2', mentions: ['u'] });
    const all = message({ peer: 'g2', mentions: ['all'] });
    expect((await judge([named, all])).calls).toMatchObject([{ peer: 'g2', kind: 'mention' }]);
    expect((await judge([named, all], { seen: all.key })).calls).toEqual([]);
    expect((await judge([named], { settings: { enabled: false } })).calls).toEqual([]);
  });

  it('is nobody for what was read elsewhere, taken back or answered, also if it was put before', async () => {
    const rows = [message({}), receipt('u', 1), receipt('ub', 9), message({ peer: 'g1' }), recall('m4')];
    const { calls, ended } = await judge(rows);
    expect([calls, ended]).toEqual([[], ['u phone ub+u desk ub read 1', 'u over m4']]);
    const { calls: none } = await judge([request('ub'), request('ub', ACCEPTED)]);
    expect(none).toEqual([]);
  });

  it('is told who wrote what by the names that its user knows, if it wants that', async () => {
    const settings = { showContent: true };
    const rows = [message({}), message({ peer: 'g1' }), request('uc'), request('u')];
    const { calls } = await judge(rows, { settings });
    expect(calls.map(({ kind, content }) => [kind, content?.title, content?.text])).toEqual([
      ['message', 'name of ub', 'hi'],
      ['message', 'name of g1', 'name of ub: hi'],
      ['request', 'name of uc', ''],
    ]);
  });
});
