import type { messaging } from '@magpie/contracts';
import { eventually, System } from './system.js';

// Goal: of a group everybody gets what was said while they belonged to it, and what became of it, whatever sync has to
// read again. Real: Kafka, MongoDB, gRPC; who knows the groups is stood in for.

import.meta.jest.setTimeout(60_000);
let system: System;
beforeAll(async () => {
  system = await System.start();
});
afterAll(() => system.stop());

const [ua, ub, uc, ud] = ['ua', 'ub', 'uc', 'ud'] as const;
const USERS = [ua, ub, uc, ud];
let group = '';
let groups = 0;
beforeEach(() => (group = `g${++groups}`));

/** What a user's feed holds of the group: ids of messages in their order, and its last version. */
async function heldBy(user: string): Promise<{ ids: string[]; version: number }> {
  const { items } = await system.pull(user, undefined, 200);
  const states = items.flatMap(({ item }) =>
    item?.$case === 'group' && item.value.groupId === group ? [item.value] : [],
  );
  const messages = items.flatMap(({ item }) =>
    item?.$case === 'message' && item.value.to === group ? [item.value] : [],
  );
  messages.forEach((message) => expect(message).toMatchObject({ peer: group, clientId: clientIdFor(user, message) }));
  return { ids: messages.map(({ messageId }) => shortOf(messageId)), version: states.at(-1)?.version ?? 0 };
}

const clientIdFor = (user: string, { from, messageId }: messaging.Message) => (user === from ? `c-${messageId}` : '');

const idOf = (short: string) => `${short}-${group}`;
const shortOf = (id: string) => id.slice(0, id.indexOf('-'));
const say = (from: string, short: string) => system.sendToGroup(group, from, idOf(short));

/** Says something, and who is to hear it, until what was said last has arrived. */
async function tell(): Promise<Record<string, { ids: string[]; version: number }>> {
  await system.changeGroup(group, [ua, ub]);
  await say(ua, 'm1');
  await system.changeGroup(group, [uc]);
  await say(uc, 'm2');
  await system.changeGroup(group, [], [ub]);
  await say(ua, 'm3');
  // A sender who is out by the time that it stands in the log.
  await say(ub, 'm4');
  await system.changeGroup(group, [ub, ud], [uc]);
  await say(ua, 'm5');
  return {
    ua: { ids: ['m1', 'm2', 'm3', 'm4', 'm5'], version: 4 },
    ub: { ids: ['m1', 'm2', 'm4', 'm5'], version: 4 },
    uc: { ids: ['m2', 'm3', 'm4'], version: 4 },
    ud: { ids: ['m5'], version: 4 },
  };
}

async function expectHeld(expected: Record<string, unknown>): Promise<void> {
  await system.pullUntilIds(ud, [idOf('m5')]);
  for (const user of USERS) await system.pullUntilIds(user, (expected[user] as { ids: string[] }).ids.map(idOf));
  const held = await Promise.all(USERS.map(async (user) => [user, await heldBy(user)]));
  expect(Object.fromEntries(held)).toEqual(expected);
}

describe('a group', () => {
  it('is told to each as far as they belonged to it, and again the same after sync has lost its database', async () => {
    const expected = await tell();
    await expectHeld(expected);
    expect(system.groups.asked).toEqual([]);
    await system.stopService();
    await system.database.dropDatabase();
    await system.startService();
    await expectHeld(expected);
  });

  it('is followed from where its members were asked for, when its first commits lie behind', async () => {
    const expected = await tell();
    await expectHeld(expected);
    await system.stopService();
    await system.startService();
    await say(ud, 'm6');
    await system.changeGroup(group, [], [ua]);
    await say(ud, 'm7');
    for (const user of [ub, ud]) await system.pullUntilIds(user, ['m6', 'm7'].map(idOf));
    expect((await heldBy(ua)).ids.at(-1)).toBe('m6');
    expect(system.groups.asked.filter((asked) => asked === `g.${group}`)).toHaveLength(1);
  });

  it('waits while nobody can tell who is in it, and loses nothing', async () => {
    await tell();
    await system.pullUntilIds(ud, [idOf('m5')]);
    await system.stopService();
    system.groups.isAway = true;
    await system.startService();
    await say(ud, 'm6');
    await eventually(() => system.groups.turnedAway > 1);
    expect((await heldBy(ub)).ids.at(-1)).toBe('m5');
    system.groups.isAway = false;
    await system.pullUntilIds(ub, [idOf('m6')]);
  });
});
