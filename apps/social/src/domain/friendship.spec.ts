import { friendship, judge, planRequest, type Friendship, type FriendshipCommand, type Side } from './friendship.js';
import { RENEWAL_SPACING_MS, REQUEST_TTL_MS } from './limits.js';
import { privacy, receptionOf, type PrivacyFields } from './privacy.js';

const [a, b] = ['ua', 'ub'];
type One = Exclude<FriendshipCommand['type'], 'Request' | 'Answer'>;

const next = (state: Friendship, command: FriendshipCommand): Friendship =>
  friendship.decide(state, command).reduce(friendship.evolve, state);
const reception = (changes: Partial<PrivacyFields> = {}) => receptionOf({ ...privacy.initial, ...changes }, 'name');
const ask = (state: Friendship, from: string, requestId: string, now: number) => ({
  ...{ type: 'Request' as const, from, to: from === a ? b : a, reception: reception(), now },
  plan: planRequest(state, from, requestId, now),
});
const asked = (state: Friendship, from: string, requestId = 'r1', now = 1): Friendship =>
  next(state, ask(state, from, requestId, now));
const answer = (by: string, requestId: string, accept: boolean, now = 2): FriendshipCommand => ({
  ...{ type: 'Answer', by, from: by === a ? b : a, requestId, accept, now },
});
const one = (type: One, by: string, more: object = {}) =>
  ({ type, by, now: 5, remark: undefined, tags: undefined, starred: undefined, ...more }) as FriendshipCommand;
const friends = next(asked(friendship.initial, a), answer(b, 'r1', true));
const verdicts = (state: Friendship) => [judge(state, a, b), judge(state, b, a)];
const refusing = (code: string) => expect.objectContaining({ code });
const sidesOf = (state: Friendship, command: FriendshipCommand): readonly Side[] =>
  friendship.decide(state, command).flatMap(({ data }) => ('sides' in data ? data.sides : []));

// Goal: what becomes of two people, rule by rule. Pure.
describe('friendship', () => {
  it('is made by an accepted request, and not before', () => {
    expect(verdicts(friendship.initial)).toEqual(['NOT_FRIENDS', 'NOT_FRIENDS']);
    expect(verdicts(asked(friendship.initial, a))).toEqual(['NOT_FRIENDS', 'NOT_FRIENDS']);
    expect(verdicts(friends)).toEqual(['OK', 'OK']);
    expect(friends.open).toBeNull();
    expect(judge(friendship.initial, a, a)).toBe('OK');
  });

  it('is not made by a refused one, nor by one that is no longer open', () => {
    const refused = next(asked(friendship.initial, a), answer(b, 'r1', false));
    expect(refused).toEqual({ sides: [], open: null });
    expect(friendship.decide(refused, answer(b, 'r1', true))).toEqual([]);
  });

  it('is made by asking who asks', () => {
    const both = asked(asked(friendship.initial, a, 'r1'), b, 'r2', 3);
    expect(verdicts(both)).toEqual(['OK', 'OK']);
    expect(both.open).toBeNull();
  });

  it('asks again under the same id, seldom, and anew when that ran out', () => {
    const first = asked(friendship.initial, a, 'r1', 1);
    const early = RENEWAL_SPACING_MS;
    expect(() => asked(first, a, 'r2', early)).toThrow(
      expect.objectContaining({ code: 'LIMITED', retryAfterMs: 1, message: expect.stringContaining('60 s') }),
    );
    const again = asked(first, a, 'r2', early + 1);
    expect(again.open).toEqual({ requestId: 'r1', from: a, at: early + 1, expiresAt: early + 1 + REQUEST_TTL_MS });
    expect(asked(again, a, 'r3', again.open!.expiresAt).open!.requestId).toBe('r3');
    expect(asked(again, b, 'r3', again.open!.expiresAt).open).toMatchObject({ requestId: 'r3', from: b });
  });

  it('closes a request that ran out, and no other', () => {
    const first = asked(friendship.initial, a, 'r1', 1);
    const expire = (requestId: string, now: number) => friendship.decide(first, { type: 'Expire', requestId, now });
    expect(expire('r1', REQUEST_TTL_MS)).toEqual([]);
    expect(expire('r2', REQUEST_TTL_MS + 1)).toEqual([]);
    expect(expire('r1', REQUEST_TTL_MS + 1).map(({ type }) => type)).toEqual(['RequestClosed']);
  });

  it('refuses to ask oneself, a friend, and who blocks', () => {
    const plan = { kind: 'Open', requestId: 'r1' } as const;
    const self: FriendshipCommand = { type: 'Request', from: a, to: a, plan, reception: reception(), now: 1 };
    expect(() => next(friendship.initial, self)).toThrow(refusing('INVALID'));
    expect(() => asked(friends, b, 'r2', 9)).toThrow(refusing('ALREADY_EXISTS'));
    const blocked = next(friendship.initial, one('Block', b));
    expect(() => asked(blocked, a)).toThrow(refusing('BLOCKED'));
    expect(asked(blocked, b).open).toMatchObject({ from: b });
  });

  it('makes friends at once of who asks somebody who lets everybody in, also where a request waits', () => {
    const admitting = reception({ verificationNeeded: false });
    for (const state of [friendship.initial, asked(friendship.initial, a)]) {
      const friends = next(state, { ...ask(state, a, 'r1', 2), reception: admitting });
      expect(friends.open).toBeNull();
      expect(verdicts(friends)).toEqual(['OK', 'OK']);
    }
  });

  it('lets nobody ask who is not to be found so, but those who are known or were asked', () => {
    const hiding = { reception: reception({ byName: false, verificationNeeded: false }) };
    const asking = (state: Friendship) => next(state, { ...ask(state, a, 'r2', 9), ...hiding });
    const text = 'source: this user is not to be found by name';
    const refused = expect.objectContaining({ code: 'FORBIDDEN', message: text });
    expect(() => asking(friendship.initial)).toThrow(refused);
    expect(() => asking(asked(friendship.initial, a))).toThrow(refused);
    expect(verdicts(asking(asked(friendship.initial, b)))).toEqual(['OK', 'OK']);
    expect(verdicts(asking(next(friends, one('Delete', a))))).toEqual(['OK', 'OK']);
    expect(() => asking(next(friends, one('Delete', b)))).toThrow(refused);
  });

  it('refuses to accept who has blocked one meanwhile, and lets one refuse them', () => {
    const blocked = next(asked(friendship.initial, a), one('Block', a));
    expect(() => next(blocked, answer(b, 'r1', true))).toThrow(refusing('BLOCKED'));
    expect(next(blocked, answer(b, 'r1', false)).open).toBeNull();
  });

  it('refuses what was planned on another state', () => {
    const command = ask(friendship.initial, b, 'r2', 3);
    expect(() => next(asked(friendship.initial, a), command)).toThrow(refusing('CONFLICT'));
  });

  it('is lost by who deletes, with what that one had written, and kept by the other', () => {
    const known = next(next(friends, one('Edit', a, { remark: 'B' })), one('Edit', b, { remark: 'A', tags: ['x'] }));
    const deleted = next(known, one('Delete', a));
    expect(verdicts(deleted)).toEqual(['NOT_FRIENDS', 'NOT_FRIENDS']);
    expect(deleted.sides).toEqual([
      expect.objectContaining({ userId: b, has: true, remark: 'A', tags: ['x'] }),
      { userId: a, has: false, hasHad: true, blocked: false, remark: '', tags: [], starred: false },
    ]);
    expect(friendship.decide(deleted, one('Delete', a))).toEqual([]);
    const again = next(asked(deleted, b, 'r2', 9), answer(a, 'r2', true));
    expect(verdicts(again)).toEqual(['OK', 'OK']);
    expect(again.sides).toContainEqual(expect.objectContaining({ userId: b, remark: 'A' }));
  });

  it.each([a, b])('is no use while %s blocks the other, who keeps the contact', (blocker) => {
    const blocked = next(friends, one('Block', blocker));
    expect(verdicts(blocked)).toEqual(['BLOCKED', 'BLOCKED']);
    expect(blocked.sides.every(({ has }) => has)).toBe(true);
    expect(friendship.decide(blocked, one('Block', blocker))).toEqual([]);
    const other = blocker === a ? b : a;
    expect(friendship.decide(blocked, one('Unblock', other))).toEqual([]);
    expect(verdicts(next(blocked, one('Unblock', blocker)))).toEqual(['OK', 'OK']);
    expect(judge(next(blocked, one('Delete', blocker)), a, b)).toBe('BLOCKED');
  });

  it('has remarks, tags and a star that are each side’s own', () => {
    const edited = next(friends, one('Edit', a, { remark: 'B', starred: true }));
    expect(sidesOf(edited, one('Edit', a, { tags: ['x'] }))).toEqual([
      { userId: a, has: true, hasHad: true, blocked: false, remark: 'B', tags: ['x'], starred: true },
    ]);
    expect(sidesOf(edited, one('Edit', a, { remark: 'B' }))).toEqual([]);
    for (const state of [friendship.initial, next(friendship.initial, one('Block', a))]) {
      expect(() => next(state, one('Edit', a, { remark: 'B' }))).toThrow(refusing('NOT_FRIENDS'));
    }
  });

  it('tells one side alone what one does alone', () => {
    for (const type of ['Delete', 'Block'] as const) {
      expect(sidesOf(friends, one(type, b)).map(({ userId }) => userId)).toEqual([b]);
    }
  });
});
