import { event, EVENTS, renderFor, social, wire } from '@magpie/contracts';
import { EventStore } from '@magpie/event-store';
import { silentLogger } from '@magpie/observability';
import { eventually } from '@magpie/testing';
import { RequestFriend } from '../src/commands/request-friend.js';
import { RequestTimers } from '../src/commands/request-timers.js';
import { REQUEST_TTL_MS } from '../src/domain/limits.js';
import type { FindAccount } from '../src/queries/find-account.js';
import { System } from './system.js';

const refusing = (code: string) => expect.objectContaining({ code });
const { PENDING, ACCEPTED, REFUSED, EXPIRED } = social.FriendRequestItem_RequestState;
const { FRIEND, DELETED, STRANGER } = social.Contact_State;
const REQUEST_CHANGED = 'magpie.social.v1.FriendRequestChanged';

let people = 0;
let commands = 0;
const commandId = () => `c${++commands}`;

// Goal: what people do to each other is answered, kept and told to whom it concerns. Real: the service, Kafka, MongoDB.
describe('people', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start();
    await system.follow();
  }, 30_000);
  afterAll(() => system.stop(), 30_000);

  /** Two accounts that auth knows and the view does not. */
  const two = () =>
    ['a', 'b'].map((letter) => {
      const userId = `u${letter}${++people}`;
      system.knowAccount({ userId, userName: `name-${people}`, nickname: `Nick ${people}` });
      return userId;
    }) as [string, string];
  const ask = async (from: string, to: string, more: Partial<social.RequestFriendRequest> = {}) =>
    (await system.call('requestFriend', { userId: to, greeting: 'hi', commandId: commandId(), ...more }, from))
      .requestId;
  const answer = (by: string, requestId: string, accept: boolean, id = commandId()) =>
    system.call('answerFriendRequest', { requestId, accept, commandId: id }, by);
  const change = (method: 'deleteFriend' | 'blockUser' | 'unblockUser', by: string, userId: string) =>
    system.call(method, { userId, commandId: commandId() }, by);
  const edit = (by: string, userId: string, more: Partial<social.EditContactRequest>) =>
    system.call('editContact', { userId, commandId: commandId(), ...more }, by);
  const befriend = async (a: string, b: string) => answer(b, await ask(a, b), true);
  const verdict = async (from: string, to: string) =>
    wire.Code[(await system.peer.judgePairs({ pairs: [{ from, to }] })).verdicts[0]!];
  const verdicts = async (a: string, b: string) => [await verdict(a, b), await verdict(b, a)];

  /** The items of one pair or request that a user's feed would get, in order. */
  const itemsOf = (userId: string, item: string) =>
    system.published
      .flatMap(({ events }) => events.flatMap(({ feed }) => feed ?? []))
      .filter(({ itemId, users }) => itemId === item && users.includes(userId))
      .map(({ body, renderings }) => renderFor(userId, body, renderings));
  const contactsOf = (userId: string, a: string, b: string) =>
    itemsOf(userId, `contact.${[a, b].sort().join('.')}`).map((bytes) => social.Contact.decode(bytes));
  const requestsOf = (userId: string, requestId: string) =>
    itemsOf(userId, `friend-request.${requestId}`).map((bytes) => social.FriendRequestItem.decode(bytes));

  it('makes friends of who asks and who accepts, and tells both', async () => {
    const [a, b] = two();
    const requestId = await ask(a, b, { source: 'card' });
    expect(await verdicts(a, b)).toEqual(['NOT_FRIENDS', 'NOT_FRIENDS']);
    await answer(b, requestId, true);
    expect(await verdicts(a, b)).toEqual(['OK', 'OK']);
    await eventually(() => {
      for (const user of [a, b]) {
        const seen = requestsOf(user, requestId);
        expect(seen.map(({ state }) => state)).toEqual([PENDING, ACCEPTED]);
        expect(seen[0]).toMatchObject({ from: a, to: b, greeting: 'hi', source: 'card' });
      }
      expect(contactsOf(a, a, b)).toMatchObject([{ userId: b, state: FRIEND, version: 2 }]);
      expect(contactsOf(b, a, b)).toMatchObject([{ userId: a, state: FRIEND, version: 2 }]);
    });
    await expect(ask(b, a)).rejects.toEqual(refusing('ALREADY_EXISTS'));
  });

  it('makes friends of two who ask each other', async () => {
    const [a, b] = two();
    const requestId = await ask(a, b);
    expect(await ask(b, a)).toBe(requestId);
    expect(await verdicts(a, b)).toEqual(['OK', 'OK']);
    await eventually(() => expect(requestsOf(a, requestId).map(({ state }) => state)).toEqual([PENDING, ACCEPTED]));
  });

  it('makes one pair of friends of two who ask each other at once', async () => {
    const [a, b] = two();
    const ids = await Promise.all([ask(a, b), ask(b, a)]);
    expect(new Set(ids).size).toBe(1);
    expect(await verdicts(a, b)).toEqual(['OK', 'OK']);
  });

  it('answers a retry the same, whatever has happened since, and another request under its id not at all', async () => {
    const [a, b] = two();
    const id = commandId();
    const [requestId, again] = await Promise.all([ask(a, b, { commandId: id }), ask(a, b, { commandId: id })]);
    expect(again).toBe(requestId);
    const answerId = commandId();
    for (let n = 0; n < 2; n++) await answer(b, requestId, true, answerId);
    expect(await ask(a, b, { commandId: id })).toBe(requestId);
    await expect(ask(a, b, { commandId: id, greeting: 'other' })).rejects.toEqual(refusing('IDEMPOTENCY_MISMATCH'));
    await expect(answer(b, requestId, false, answerId)).rejects.toEqual(refusing('IDEMPOTENCY_MISMATCH'));
    await eventually(() => expect(requestsOf(b, requestId)).toHaveLength(2));
  });

  it('asks again under the same id, at most once a minute', async () => {
    const [a, b] = two();
    await ask(a, b);
    await expect(ask(a, b, { greeting: 'please' })).rejects.toMatchObject({
      ...{ code: 'LIMITED', message: expect.stringContaining('60 s') },
      retryAfterMs: expect.any(Number),
    });
  });

  it('lets only who was asked answer, once', async () => {
    const [a, b] = two();
    const [stranger] = two();
    const requestId = await ask(a, b);
    for (const by of [a, stranger]) await expect(answer(by, requestId, true)).rejects.toEqual(refusing('FORBIDDEN'));
    await answer(b, requestId, false);
    await answer(b, requestId, false);
    await expect(answer(b, requestId, true)).rejects.toEqual(refusing('CONFLICT'));
    await expect(answer(b, 'rnone', true)).rejects.toEqual(refusing('NOT_FOUND'));
    expect(await verdicts(a, b)).toEqual(['NOT_FRIENDS', 'NOT_FRIENDS']);
    await eventually(() => expect(requestsOf(a, requestId).at(-1)!.state).toBe(REFUSED));
    expect(await ask(a, b)).not.toBe(requestId);
  });

  it('ends a request that nobody answers, and tells both', async () => {
    const [a, b] = two();
    const store = new EventStore({ connection: system.database, logger: silentLogger() });
    const timers = new RequestTimers({ store, logger: silentLogger(), holder: 'nobody' });
    const accounts = { execute: async (userId: string) => ({ userId }) } as unknown as FindAccount;
    const members = { among: () => Promise.resolve([]) };
    const asking = { by: a, userId: b, greeting: 'hi', source: '', groupId: '', commandId: commandId() };
    const longAgo = Date.now() - REQUEST_TTL_MS;
    const requestId = await new RequestFriend({ store, accounts, members, timers }).execute(asking, longAgo);
    await expect(answer(b, requestId, true)).rejects.toMatchObject({
      ...{ code: 'EXPIRED', message: 'request_id: was asked more than 7 days ago' },
    });
    await eventually(() => {
      for (const user of [a, b]) {
        expect(requestsOf(user, requestId).map(({ state }) => state)).toEqual([PENDING, EXPIRED]);
      }
    });
    await expect(answer(b, requestId, false)).rejects.toEqual(refusing('EXPIRED'));
    await answer(b, await ask(a, b), true);
    expect(await verdicts(a, b)).toEqual(['OK', 'OK']);
  });

  it('deletes on one side: the other one keeps the contact, may not write, and is asked again', async () => {
    const [a, b] = two();
    await befriend(a, b);
    await edit(a, b, { remark: 'Bobby', tags: { tags: ['work'] }, starred: true });
    await change('deleteFriend', a, b);
    await change('deleteFriend', a, b);
    expect(await verdicts(a, b)).toEqual(['NOT_FRIENDS', 'NOT_FRIENDS']);
    await expect(edit(a, b, { remark: 'x' })).rejects.toEqual(refusing('NOT_FRIENDS'));
    await edit(b, a, { remark: 'Al' });
    await eventually(() => {
      expect(contactsOf(a, a, b).map(({ state, remark }) => [state, remark])).toEqual([
        [FRIEND, ''],
        [FRIEND, 'Bobby'],
        [DELETED, ''],
      ]);
      expect(contactsOf(b, a, b).map(({ state, remark }) => [state, remark])).toEqual([
        [FRIEND, ''],
        [FRIEND, 'Al'],
      ]);
    });
    await answer(b, await ask(a, b), true);
    expect(await verdicts(a, b)).toEqual(['OK', 'OK']);
    await eventually(() => expect(contactsOf(b, a, b).at(-1)).toMatchObject({ state: FRIEND, remark: 'Al' }));
  });

  it('blocks without a word to the other one, until it is taken back', async () => {
    const [a, b] = two();
    await befriend(a, b);
    await change('blockUser', a, b);
    expect(await verdicts(a, b)).toEqual(['BLOCKED', 'BLOCKED']);
    await eventually(() => expect(contactsOf(a, a, b).at(-1)).toMatchObject({ state: FRIEND, blocked: true }));
    expect(contactsOf(b, a, b)).toHaveLength(1);
    await change('unblockUser', a, b);
    expect(await verdicts(a, b)).toEqual(['OK', 'OK']);
  });

  it('lets nobody ask who is blocked', async () => {
    const [a, b] = two();
    await change('blockUser', b, a);
    await expect(ask(a, b)).rejects.toEqual(refusing('BLOCKED'));
    await eventually(() => expect(contactsOf(b, a, b)).toMatchObject([{ userId: a, state: STRANGER, blocked: true }]));
  });

  it('keeps both ends and every feed in agreement when everything happens at once', async () => {
    const users = [...two(), ...two()];
    const random = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;
    const asked: string[] = [];
    const act = async (): Promise<unknown> => {
      const by = random(users);
      const other = random(users.filter((user) => user !== by));
      const method = random(['ask', 'ask', 'answer', 'answer', 'deleteFriend', 'blockUser', 'unblockUser'] as const);
      if (method === 'ask') return asked.push(await ask(by, other));
      if (method === 'answer') return asked.length > 0 && answer(by, random(asked), random([true, true, false]));
      return change(method, by, other);
    };
    const expected = ['ALREADY_EXISTS', 'BLOCKED', 'LIMITED', 'FORBIDDEN', 'CONFLICT'];
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, act));
      const refusals = outcomes.flatMap((one) =>
        one.status === 'rejected' ? [(one.reason as { code: string }).code] : [],
      );
      expect(refusals.filter((code) => !expected.includes(code))).toEqual([]);
    }
    const pairs = users.flatMap((a) => users.filter((b) => a < b).map((b) => [a, b] as const));
    await eventually(async () => {
      for (const [a, b] of pairs) {
        const ends = [contactsOf(a, a, b), contactsOf(b, a, b)];
        for (const seen of ends)
          expect(seen.map(({ version }) => version)).toEqual(seen.map(({ version }) => version).sort((x, y) => x - y));
        const [one, other] = ends.map((seen) => seen.at(-1));
        const isBlocked = one?.blocked || other?.blocked;
        const isFriend = one?.state === FRIEND && other?.state === FRIEND;
        const said = isBlocked ? 'BLOCKED' : isFriend ? 'OK' : 'NOT_FRIENDS';
        expect(await verdicts(a, b)).toEqual([said, said]);
      }
    });
    for (const id of new Set(asked)) {
      const states = users
        .map((user) => requestsOf(user, id).map(({ state }) => state))
        .filter((seen) => seen.length > 0);
      expect(states).toHaveLength(2);
      expect(states[0]).toEqual(states[1]);
      expect(states[0]!.slice(0, -1).every((state) => state === PENDING)).toBe(true);
    }
  });

  it('refuses what cannot be meant, naming field and bound', async () => {
    const [a, b] = two();
    const badAsk = (more: object) => ask(a, b, more).catch((error: Error & { code: string }) => error);
    for (const [more, code, text] of [
      [{ userId: '' }, 'INVALID', 'user_id: 0 characters, at least 1'],
      [{ userId: a }, 'INVALID', 'user_id: is your own'],
      [{ userId: 'unobody' }, 'NO_SUCH_PEER', 'user_id: there is no such user'],
      [{ userId: 'g1' }, 'NO_SUCH_PEER', 'user_id: there is no such user'],
      [{ greeting: 'x'.repeat(101) }, 'INVALID', 'greeting: 101 characters, at most 100'],
      [{ source: 'x'.repeat(33) }, 'INVALID', 'source: 33 characters, at most 32'],
      [{ commandId: '' }, 'INVALID', 'command_id: 0 characters, at least 1'],
    ] as const) {
      expect(await badAsk(more)).toMatchObject({ code, message: text });
    }
    await befriend(a, b);
    const tags = (list: string[]) => edit(a, b, { tags: { tags: list } });
    await expect(edit(a, b, { remark: 'x'.repeat(33) })).rejects.toMatchObject({
      message: expect.stringMatching(/at most 32/),
    });
    await expect(tags(Array.from({ length: 21 }, (_, n) => `t${n}`))).rejects.toEqual(refusing('TOO_LARGE'));
    await expect(tags(['x'.repeat(33)])).rejects.toMatchObject({
      code: 'INVALID',
      message: 'tags[0]: 33 characters, at most 32',
    });
    await expect(edit(a, b, {})).rejects.toEqual(refusing('INVALID'));
    const pairs = Array.from({ length: 101 }, () => ({ from: a, to: b }));
    await expect(system.peer.judgePairs({ pairs })).rejects.toEqual(refusing('TOO_LARGE'));
    await expect(system.peer.judgePairs({ pairs: [] })).rejects.toEqual(refusing('INVALID'));
    await expect(system.peer.judgePairs({ pairs: [{ from: a, to: 'g1' }] })).rejects.toEqual(refusing('INVALID'));
  });

  it('answers the events of each topic from the store as they were published', async () => {
    const [a, b] = two();
    const requestId = await ask(a, b);
    await answer(b, requestId, true);
    for (const [topic, key] of [
      ['social.friendship.v1', `${[a, b].sort().join('.')}`],
      ['social.friend-request.v1', requestId],
    ] as const) {
      const { entries } = await system.events.readEvents(event.ReadEventsRequest.fromPartial({ topic, key }));
      await eventually(() => {
        const records = system.published.filter((record) => record.topic === topic && record.key === key);
        expect(records.map(({ version, events }) => ({ key, version, events }))).toEqual(entries);
      });
      expect(entries.map(({ version }) => version)).toEqual([1, 2]);
    }
    const [asked] = system.published.filter(({ key }) => key === requestId);
    const { expiresAtMs, request } = EVENTS[REQUEST_CHANGED].decode(asked!.events[0]!.body);
    expect(expiresAtMs - request!.atMs).toBe(7 * 24 * 60 * 60 * 1000);
  });

  it('shows a changed profile at once, to everybody who asks', async () => {
    const userId = `uann${++people}`;
    const userName = `ann-${people}`;
    await system.register({ userId, userName, nickname: 'Ann' });
    const update = async (more: Partial<social.UpdateProfileRequest>, id = commandId()) =>
      (await system.call('updateProfile', { commandId: id, ...more }, userId)).profile;
    const id = commandId();
    const first = { userId, userName, nickname: '安', avatarMediaId: '', signature: 'hi', region: '', version: 2 };
    for (let n = 0; n < 2; n++) expect(await update({ nickname: ' 安 ', signature: 'hi' }, id)).toEqual(first);
    await expect(update({ nickname: 'other' }, id)).rejects.toEqual(refusing('IDEMPOTENCY_MISMATCH'));
    const second = { ...first, avatarMediaId: 'fone', signature: '', version: 3 };
    expect(await update({ avatarMediaId: 'fone', signature: '' })).toEqual(second);
    await eventually(async () => expect(await system.profile(userId)).toEqual(second));
    expect(await system.search(userName)).toEqual([second]);
    const items = () => itemsOf(userId, `profile.${userId}`).map((bytes) => social.Profile.decode(bytes));
    await eventually(() => expect(items()).toEqual([first, second]));
    for (const [more, text] of [
      [{}, 'request: one of 4 fields is expected'],
      [{ nickname: ' ' }, 'nickname: 0 characters, at least 1'],
      [{ nickname: 'x'.repeat(33) }, 'nickname: 33 characters, at most 32'],
      [{ signature: 'x'.repeat(31) }, 'signature: 31 characters, at most 30'],
      [{ region: 'x'.repeat(65) }, 'region: 65 characters, at most 64'],
      [{ avatarMediaId: 'u1' }, 'avatar_media_id: the id of a media file is expected'],
    ] as const) {
      await expect(update(more)).rejects.toMatchObject({ code: 'INVALID', message: text });
    }
  });

  it('serves no command without a session, and no service’s question to a client', async () => {
    const commandsOfClients = [
      ...['searchUsers', 'getProfile', 'updateProfile', 'requestFriend', 'answerFriendRequest'],
      ...['deleteFriend', 'blockUser', 'unblockUser', 'editContact', 'editPrivacy'],
    ] as const;
    for (const method of commandsOfClients) {
      await expect(system.call(method as 'getProfile', {}, '')).rejects.toEqual(refusing('SESSION_REQUIRED'));
    }
    await expect(system.call('judgePairs', {})).rejects.toEqual(refusing('UNKNOWN_COMMAND'));
  });
});
