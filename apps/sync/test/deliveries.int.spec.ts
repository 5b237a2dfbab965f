import { event, sync } from '@magpie/contracts';
import { eventually, System } from './system.js';

// Goal: what a device has confirmed is told to messaging; what is of the moment comes to those who are there.
// Real: Kafka, MongoDB, gRPC.

import.meta.jest.setTimeout(60_000);
let system: System;
beforeAll(async () => {
  system = await System.start();
});
afterAll(() => system.stop());

let last = 0;
const people = (): [string, string] => [`ua${++last}`, `ub${last}`];

describe('delivered positions', () => {
  const toldOf = (userId: string) => system.groups.delivered.filter((mark) => mark.userId === userId);

  it('are told when the device pulls with the key that it was given, for the messages of others', async () => {
    const [user, other] = people();
    await system.send({ id: `m1-${user}`, from: other, to: user });
    const { position } = await system.send({ id: `m2-${user}`, from: other, to: user });
    await system.send({ id: `m3-${user}`, from: user, to: other });
    const { key } = await system.pullUntil(user, 3);
    expect(toldOf(user)).toEqual([]);
    await system.pull(user, key);
    await eventually(() => toldOf(user).length > 0);
    expect(toldOf(user)).toEqual([{ userId: user, peer: other, position }]);
  });

  it('are told when a link says that it holds what notices have brought, and not before', async () => {
    const [user, other] = people();
    const gateway = system.attach();
    await gateway.attach(user);
    await eventually(() => gateway.attached().length > 0);
    const first = await system.send({ id: `m1-${user}`, from: other, to: user });
    await system.send({ id: `m2-${user}`, from: other, to: user });
    await eventually(() => gateway.deliveries().length === 2);
    await gateway.held(user, gateway.deliveries()[0]!.key);
    await eventually(() => toldOf(user).length > 0);
    expect(toldOf(user)).toEqual([{ userId: user, peer: other, position: first.position }]);
    gateway.close();
  });
});

describe('what is of the moment', () => {
  it('comes to the gateways of those who are attached, and into nobody’s feed', async () => {
    const [user, other] = people();
    const gateway = system.attach();
    await gateway.attach(user);
    await eventually(() => gateway.attached().length > 0);
    const typing = { peer: other, userId: other, typing: true };
    await system.signal([user, other], { number: 0, item: { $case: 'typing', value: typing } });
    await eventually(() => gateway.deliveries().length > 0);
    const [{ item, ...delivery }] = gateway.deliveries() as [sync.AttachResponse_Delivery];
    expect(delivery).toEqual({ userId: user, previousKey: -1, key: 0, authorDeviceId: '' });
    expect(sync.Item.decode(item)).toEqual({ number: 0, item: { $case: 'typing', value: typing } });
    expect((await system.pull(user)).items).toEqual([]);
    gateway.close();
  });
});

// What messaging has published of states is asked of it where its topics do not hold it: see states of social.
describe('states of conversations', () => {
  it('come into the feeds from their owner', async () => {
    const [user] = people();
    await system.stopService();
    await system.database.dropDatabase();
    const feed = event.Feed.fromPartial({
      ...{ users: [user], kind: 3, itemField: 11, itemId: 'deleted.m1', mode: event.Feed_Mode.STATE },
      body: new Uint8Array([18, 2, 109, 49]),
    });
    const one = event.Event.fromPartial({ type: 'magpie.messaging.v1.MessageDeleted', feed });
    system.groups.states.set('messaging.setting.v1', [{ key: `${user} m1`, version: 1, events: [one] }]);
    await system.startService();
    const { items } = await system.pullUntil(user, 1);
    expect(items[0]!.item).toEqual({ $case: 'deletion', value: { peer: '', messageId: 'm1', position: 0 } });
  });
});
