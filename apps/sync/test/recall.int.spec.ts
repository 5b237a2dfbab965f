import { messageRecalled } from './builders.js';
import { eventually, System, type Pulled } from './system.js';

// Goal: what a message said is gone from every feed once it was taken back, whatever was lost. Real: Kafka, MongoDB, gRPC.

import.meta.jest.setTimeout(60_000);
let system: System;
beforeAll(async () => {
  system = await System.start();
});
afterAll(() => system.stop());

/** What a device is shown: of messages their text, or that they were taken back; of the rest the kind. */
function shown({ items }: Pick<Pulled, 'items'>): string[] {
  return items.map(({ item }) => {
    if (item?.$case !== 'message') return `${item?.$case}`;
    const { recalled, content, peer, position } = item.value;
    if (recalled) return `taken back from ${peer} at ${position}`;
    return content?.content?.$case === 'text' ? content.content.value.text : '?';
  });
}

let last = 0;
const people = (): [string, string] => [`ua${++last}`, `ub${last}`];

/** What a device that was away is given, once it is so much. */
async function givenTo(user: string, count: number): Promise<string[]> {
  await system.pullUntil(user, count);
  return shown(await system.pull(user));
}

/** Two messages, the first of them taken back; its place. */
async function takeBack(from: string, to: string): Promise<number> {
  const id = `m1-${from}`;
  const { position } = await system.send({ id, from, to, text: 'secret' });
  await system.send({ id: `m2-${from}`, from, to, text: 'open' });
  await system.append(`d.${from}.${to}`, [messageRecalled({ id, from, to, position })]);
  return position;
}

describe('a message that was taken back', () => {
  it('is told of to who had it, and is gone for who had not', async () => {
    const [from, to] = people();
    const { position } = await system.send({ id: `m1-${from}`, from, to, text: 'secret' });
    const before = await system.pullUntil(to, 1);
    expect(shown(before)).toEqual(['secret']);
    await system.append(`d.${from}.${to}`, [messageRecalled({ id: `m1-${from}`, from, to, position })]);
    const [told] = (await system.pullUntil(to, 1, before.key)).items;
    expect(told!.item).toEqual({
      $case: 'recall',
      value: { peer: from, messageId: `m1-${from}`, position, by: from },
    });
    for (const [user, peer] of [
      [from, to],
      [to, from],
    ] as const) {
      const expected = [`taken back from ${peer} at ${position}`, 'recall'];
      expect(await givenTo(user, 2)).toEqual(expected);
      expect(shown(await system.init(user))).toEqual(expected);
    }
  });

  it('does not ride to devices that are online, nor what was on its way with it', async () => {
    const [from, to] = people();
    const gateway = system.attach();
    await eventually(() => gateway.ownerships().length === system.partitions);
    await gateway.attach(to);
    await eventually(() => gateway.attached().length === 1);
    await takeBack(from, to);
    await eventually(() => gateway.deliveries().length === 3);
    expect(gateway.deliveries().map(({ item }) => item.length > 0)).toEqual([true, true, false]);
    gateway.close();
  });

  it('stays so when fan-out or the feeds lose their place', async () => {
    for (const lost of [/sync\.fan-out/, /sync\.feed/]) {
      const [from, to] = people();
      const position = await takeBack(from, to);
      const expected = [`taken back from ${from} at ${position}`, 'open', 'recall'];
      expect(await givenTo(to, 3)).toEqual(expected);
      await system.stopService();
      await system.database.collection('checkpoints').deleteMany({ _id: lost as never });
      await system.startService();
      await system.send({ id: `m3-${from}`, from, to, text: 'later' });
      expect(await givenTo(to, 4)).toEqual([...expected, 'later']);
    }
  });

  it('stays so when the inbox is lost, and when the database was dropped', async () => {
    const [from, to] = people();
    const position = await takeBack(from, to);
    const expected = [`taken back from ${from} at ${position}`, 'open', 'recall'];
    await system.pullUntil(to, 3);
    const checkpoints = await system.feedCheckpoints();
    const [other, third] = people();
    const otherPosition = await takeBack(other, third);
    await system.pullUntil(third, 3);
    await system.stopService();
    // As after a crash: the feeds remember less than they took, and its rows stand.
    await system.restore(checkpoints);
    await system.deleteInbox();
    await system.startService();
    const taken = [`taken back from ${other} at ${otherPosition}`, 'open', 'recall'];
    expect(await givenTo(to, 3)).toEqual(expected);
    expect(await givenTo(third, 3)).toEqual(taken);
    await system.stopService();
    await system.database.dropDatabase();
    await system.startService();
    expect(shown(await system.pull(to))).toEqual(expected);
    expect(shown(await system.init(third))).toEqual(taken);
  });
});
