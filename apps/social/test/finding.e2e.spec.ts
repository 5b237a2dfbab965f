import { renderFor, social, sync, wire } from '@magpie/contracts';
import { eventually } from '@magpie/testing';
import { SEARCH_WINDOW_MS, SEARCHES_PER_WINDOW } from '../src/domain/limits.js';
import { System } from './system.js';

const refusing = (code: string) => expect.objectContaining({ code });
const DEFAULTS = {
  ...{ verificationNeeded: true, byPhone: true, byName: true, byGroup: true, byCard: true },
  momentsVisibleDays: 0,
};

let people = 0;
let commands = 0;
const commandId = () => `c${++commands}`;

// Goal: who is found and asked how is up to them. Real: the service, Kafka, MongoDB.
describe('finding people', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start();
    await system.follow();
  }, 30_000);
  afterAll(() => system.stop(), 30_000);

  const someone = () => {
    const userId = `uf${++people}`;
    system.knowAccount({ userId, userName: `finding-${people}`, nickname: `Nick ${people}` });
    return userId;
  };
  const edit = async (by: string, more: Partial<social.EditPrivacyRequest>, id = commandId()) =>
    (await system.call('editPrivacy', { commandId: id, ...more }, by)).privacy;
  const ask = async (from: string, to: string, more: Partial<social.RequestFriendRequest> = {}) =>
    (await system.call('requestFriend', { userId: to, commandId: commandId(), ...more }, from)).requestId;
  const verdict = async (from: string, to: string) =>
    wire.Code[(await system.peer.judgePairs({ pairs: [{ from, to }] })).verdicts[0]!];
  const settingsOf = (userId: string) =>
    system.published
      .filter(({ key }) => key === `privacy.${userId}`)
      .flatMap(({ events }) => events.flatMap(({ feed }) => feed ?? []))
      .map(({ itemId, users, body, renderings }) => {
        expect({ itemId, users }).toEqual({ itemId: 'privacy', users: [userId] });
        return sync.Setting.decode(renderFor(userId, body, renderings)).setting?.value;
      });

  it('tells a user’s devices what the user has set, in the order of its versions', async () => {
    const a = someone();
    const id = commandId();
    const first = { ...DEFAULTS, byName: false, version: 1 };
    for (let n = 0; n < 2; n++) expect(await edit(a, { byName: false }, id)).toEqual(first);
    await expect(edit(a, { byName: true }, id)).rejects.toEqual(refusing('IDEMPOTENCY_MISMATCH'));
    const second = { ...first, verificationNeeded: false, momentsVisibleDays: 30, version: 2 };
    expect(await edit(a, { verificationNeeded: false, momentsVisibleDays: 30 })).toEqual(second);
    await eventually(() => expect(settingsOf(a)).toEqual([first, second]));
    const { entries } = await system.events.readEvents({
      ...{ topic: 'social.profile.v1', key: `privacy.${a}`, fromVersion: 0, pageToken: '', pageSize: 0 },
      ...{ withoutEvents: true, fromKey: '', belowKey: '', versionSum: false },
    });
    expect(entries.map(({ version }) => version)).toEqual([1, 2]);
    for (const [more, message] of [
      [{}, 'request: one of 6 fields is expected'],
      [{ momentsVisibleDays: 7 }, 'moments_visible_days: one of 0, 3, 30, 180 is expected'],
    ] as const) {
      await expect(edit(a, more)).rejects.toMatchObject({ code: 'INVALID', message });
    }
  });

  it('makes friends at once of who asks somebody who lets everybody in', async () => {
    const [a, b] = [someone(), someone()];
    const waiting = await ask(a, b);
    await edit(b, { verificationNeeded: false });
    const id = commandId();
    expect(await ask(a, b, { commandId: id })).toBe(waiting);
    expect(await verdict(a, b)).toBe('OK');
    await edit(b, { verificationNeeded: true, byName: false });
    expect(await ask(a, b, { commandId: id })).toBe(waiting);
    const c = someone();
    await edit(c, { verificationNeeded: false });
    const requestId = await ask(a, c, { greeting: 'hi' });
    expect(await verdict(a, c)).toBe('OK');
    await eventually(() => {
      const [request] = system.published
        .filter(({ key }) => key === requestId)
        .flatMap(({ events }) => events.map(({ feed }) => social.FriendRequestItem.decode(feed!.body)));
      const { ACCEPTED } = social.FriendRequestItem_RequestState;
      expect(request).toMatchObject({ from: a, to: c, greeting: 'hi', state: ACCEPTED });
    });
  });

  it.each([
    ['byName', '', 'name'],
    ['byName', 'plaza', 'name'],
    ['byCard', 'card', 'card'],
    ['byPhone', 'phone', 'phone'],
    ['byGroup', 'group', 'group'],
  ])('lets nobody ask by what is off: %s, source "%s"', async (setting, source, way) => {
    const [a, b] = [someone(), someone()];
    const groupId = source === 'group' ? 'gone' : '';
    await edit(b, { [setting]: false });
    await expect(ask(a, b, { source, groupId })).rejects.toMatchObject({
      ...{ code: 'FORBIDDEN', message: `source: this user is not to be found by ${way}` },
    });
    await ask(a, b, { source: source === 'card' ? 'name' : 'card' });
  });

  it('lets members of one group ask each other, also where messaging’s view lags', async () => {
    const [a, b, c] = [someone(), someone(), someone()];
    const source = { source: 'group', groupId: 'gfinding' };
    system.messaging.setMembers('gfinding', [a, c]);
    await expect(ask(a, b, source)).rejects.toMatchObject({
      ...{ code: 'NOT_A_MEMBER', message: 'group_id: this user is not a member of this group' },
    });
    await expect(ask(b, a, source)).rejects.toMatchObject({
      ...{ code: 'NOT_A_MEMBER', message: 'group_id: you are not a member of this group' },
    });
    system.messaging.setMembers('gfinding', [a, b]);
    system.messaging.lag = 1;
    await ask(a, b, source);
    system.messaging.lag = 0;
    await expect(ask(a, c, source)).rejects.toEqual(refusing('NOT_A_MEMBER'));
    for (const [more, message] of [
      [{ source: 'group' }, 'group_id: with the source group the group is expected'],
      [{ groupId: 'gfinding' }, 'group_id: is expected with the source group alone'],
    ] as const) {
      await expect(ask(a, c, more)).rejects.toMatchObject({ code: 'INVALID', message });
    }
  });

  it('does not find by name who does not want it, but by id and for themselves', async () => {
    const account = { userId: `uf${++people}`, userName: `finding-${people}`, nickname: 'Nick' };
    await system.register(account);
    await eventually(async () => expect(await system.search(account.userName)).toHaveLength(1));
    await edit(account.userId, { byName: false });
    expect(await system.search(account.userName)).toEqual([]);
    expect(await system.search(account.userId)).toHaveLength(1);
    expect((await system.call('searchUsers', { query: account.userName }, account.userId)).users).toHaveLength(1);
  });

  it('lets a user search so often and no more, and says until when', async () => {
    const by = someone();
    const search = () => system.call('searchUsers', { query: 'nobody-there' }, by);
    const refusals: { code: string; message: string; retryAfterMs: number }[] = [];
    // Wherever a window ends, one of these is past the bound of its own.
    for (let n = 0; n < 2 * SEARCHES_PER_WINDOW + 1; n++) {
      await search().catch((error: (typeof refusals)[number]) => refusals.push(error));
    }
    expect(refusals.length).toBeGreaterThan(0);
    const { code, message, retryAfterMs } = refusals.at(-1)!;
    expect({ code, message }).toEqual({ code: 'LIMITED', message: 'at most 60 searches in 10 min' });
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(SEARCH_WINDOW_MS);
  });
});
