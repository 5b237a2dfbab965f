import { friendRequest, type FriendRequestCommand, type FriendRequestState } from './friend-request.js';
import { REQUEST_TTL_MS } from './limits.js';

const asking = {
  ...{ type: 'Ask' as const, requestId: 'r1', from: 'ua', to: 'ub', greeting: 'hi', source: 'name' },
  ...{ isAdmitted: false, now: 1 },
} as const;
const answer = (accept: boolean, more: object = {}): FriendRequestCommand => ({
  ...{ type: 'Answer', by: 'ub', accept, reason: 'so', now: 2 },
  ...more,
});
const next = (state: FriendRequestState, command: FriendRequestCommand): FriendRequestState =>
  friendRequest.decide(state, command).reduce(friendRequest.evolve, state);
const asked = next(friendRequest.initial, asking);
const refusing = (code: string) => expect.objectContaining({ code });

// Goal: a request is asked, asked again and answered once, in time, by the one who was asked. Pure.
describe('friend request', () => {
  it('waits seven days from the last time that it was asked', () => {
    expect(asked).toMatchObject({ request: { state: 'PENDING', at: 1, expiresAt: 1 + REQUEST_TTL_MS } });
    const again = next(asked, { type: 'Renew', greeting: 'please', source: 'card', now: 70_000 });
    expect(again).toMatchObject({ request: { requestId: 'r1', greeting: 'please', source: 'card', from: 'ua' } });
    const last = 70_000 + REQUEST_TTL_MS - 1;
    expect(next(again, answer(true, { now: last }))).toMatchObject({ request: { state: 'ACCEPTED' } });
    expect(() => next(again, answer(true, { now: last + 1 }))).toThrow(
      expect.objectContaining({ code: 'EXPIRED', message: expect.stringContaining('7 days') }),
    );
  });

  it('waits for nothing where the other one lets everybody in', () => {
    const admitted = next(friendRequest.initial, { ...asking, isAdmitted: true });
    expect(admitted).toMatchObject({ request: { state: 'ACCEPTED', reason: '' } });
  });

  it.each([
    [true, 'ACCEPTED'],
    [false, 'REFUSED'],
  ])('is answered %s once; the same again is nothing, the other is a conflict', (accept, state) => {
    const answered = next(asked, answer(accept));
    expect(answered).toMatchObject({ request: { state, reason: 'so', at: 2 } });
    expect(friendRequest.decide(answered, answer(accept, { now: REQUEST_TTL_MS * 2 }))).toEqual([]);
    expect(() => next(answered, answer(!accept))).toThrow(refusing('CONFLICT'));
    const renewal: FriendRequestCommand = { type: 'Renew', greeting: '', source: '', now: 3 };
    expect(() => next(answered, renewal)).toThrow(refusing('CONFLICT'));
  });

  it('runs out when it was not answered in time, once', () => {
    const expire = (now: number): FriendRequestCommand => ({ type: 'Expire', now });
    expect(friendRequest.decide(asked, expire(REQUEST_TTL_MS))).toEqual([]);
    expect(friendRequest.decide(next(asked, answer(true)), expire(REQUEST_TTL_MS * 2))).toEqual([]);
    const expired = next(asked, expire(REQUEST_TTL_MS + 1));
    expect(expired).toMatchObject({ request: { state: 'EXPIRED', at: REQUEST_TTL_MS + 1 } });
    expect(friendRequest.decide(expired, expire(REQUEST_TTL_MS * 2))).toEqual([]);
    for (const accept of [true, false]) expect(() => next(expired, answer(accept))).toThrow(refusing('EXPIRED'));
  });

  it.each(['ua', 'uc'])('is not answered by %s', (by) => {
    expect(() => next(asked, answer(true, { by }))).toThrow(refusing('FORBIDDEN'));
    expect(() => next(next(asked, answer(true)), answer(true, { by }))).toThrow(refusing('FORBIDDEN'));
  });

  it('is not answered when nobody asked', () => {
    expect(() => next(friendRequest.initial, answer(true))).toThrow(refusing('NOT_FOUND'));
  });
});
