import { social } from '@magpie/contracts';
import { MagpieError, type LocalMessage } from '@magpie/sdk';
import { ChatModel, type Answers, type ModelMessage } from './chat-model.js';
import { GroupModel } from './group-model.js';
import type { Person } from './person.js';
import { DEVICES, transportOf, USERS, type Step } from './sequence.js';
import { linesOf, seenOn, SHOWN_MAX, textIn, wantedOf } from './sequence-view.js';
import { until } from './until.js';

const { PENDING } = social.FriendRequestItem_RequestState;
const CONVERGES_WITHIN_MS = 20_000;

const shown = (view: unknown): string => JSON.stringify(view, undefined, 1);

/** Brings a device up, or up again with what it has stored. */
export type OpenDevice = (device: number) => Promise<Person>;

/** Six users of a running system and the model of what they have: every step is done to both, and compared. */
export class SequenceWorld {
  private readonly model = new ChatModel();
  private readonly open = new Map<number, Person>();
  private readonly userIds: string[] = [];
  private said = 0;

  constructor(private readonly openDevice: OpenDevice) {}

  async begin(friends: readonly (readonly [number, number])[]): Promise<void> {
    for (let device = 0; device < DEVICES.length; device++) {
      this.userIds[DEVICES[device]!] = (await this.on(device)).userId;
    }
    for (const [one, other] of friends) {
      const pair = { device: DEVICES.indexOf(one), other, pick: 0, on: true };
      await this.run({ ...pair, do: 'request' });
      await this.run({ ...pair, do: 'answer', device: DEVICES.indexOf(other), other: one });
    }
  }

  /** Throws what differs from the model. */
  async run(step: Step): Promise<void> {
    await this[step.do](step);
  }

  /** Every device comes to show what the model says, and devices of one user the same in all. */
  async converges(): Promise<void> {
    for (let device = 0; device < DEVICES.length; device++) {
      const user = DEVICES[device]!;
      const wanted = shown(wantedOf(this.model, this.userIds, user));
      let seen = '';
      await until(
        'a device shows what it should',
        async () => (seen = shown(await this.seen(device))) === wanted,
        CONVERGES_WITHIN_MS,
      ).catch(() => expect(`device ${device} shows ${seen}`).toBe(`device ${device} shows ${wanted}`));
    }
    for (let device = 1; device < DEVICES.length; device++) {
      if (DEVICES[device] !== DEVICES[device - 1]) continue;
      const [one, other] = [await this.on(device - 1), await this.on(device)];
      // Where a message stands that was sent from here, a device learns with the next thing that it is told.
      await Promise.all([one.client.pull(), other.client.pull()]);
      await until(
        'the devices of a user hold the same',
        async () => JSON.stringify(await one.client.snapshot()) === JSON.stringify(await other.client.snapshot()),
        CONVERGES_WITHIN_MS,
      ).catch(async () => expect(await other.client.snapshot()).toEqual(await one.client.snapshot()));
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.open.values()].map((person) => person.client.close()));
    this.open.clear();
  }

  private async request({ device, other }: Step): Promise<void> {
    const by = DEVICES[device]!;
    const person = await this.on(device);
    const asked = this.model.request(by, other);
    const answer = await this.answered(asked, () => person.client.people.requestFriend(this.userIds[other]!));
    if (answer === 'OK') this.model.requested(by, other);
  }

  private async answer({ device, other, on }: Step): Promise<void> {
    const by = DEVICES[device]!;
    if (!this.model.isAsked(other, by)) return;
    const person = await this.on(device);
    const from = this.userIds[other]!;
    let requestId: string | undefined;
    await until('the request shows', async () => {
      await this.look(device);
      const requests = await person.client.people.friendRequests();
      requestId = requests.find((each) => each.from === from && each.state === PENDING)?.requestId;
      return requestId !== undefined;
    });
    const allowed = on ? this.model.accept(by, other) : ['OK'];
    const answer = await this.answered(allowed, () => person.client.people.answerFriendRequest(requestId!, on));
    if (answer === 'OK') this.model.answered(by, other, on);
  }

  private async unfriend({ device, other }: Step): Promise<void> {
    const by = DEVICES[device]!;
    if (!this.model.contact(by, other).has) return;
    const person = await this.on(device);
    this.model.deleted(by, other);
    await this.answered(['OK'], () => person.client.people.deleteFriend(this.userIds[other]!));
  }

  private async block({ device, other, on }: Step): Promise<void> {
    const by = DEVICES[device]!;
    if (by === other) return;
    const { people } = (await this.on(device)).client;
    this.model.blocked(by, other, on);
    await this.answered(['OK'], () => people[on ? 'blockUser' : 'unblockUser'](this.userIds[other]!));
  }

  private async remark({ device, other, pick }: Step): Promise<void> {
    const by = DEVICES[device]!;
    if (by === other) return;
    const person = await this.on(device);
    const remark = `remark ${pick}`;
    const allowed = this.model.remark(by, other);
    const answer = await this.answered(allowed, () =>
      person.client.people.editContact(this.userIds[other]!, { remark }),
    );
    if (answer === 'OK') this.model.remarked(by, other, remark);
  }

  private async group({ device, pick }: Step): Promise<void> {
    const by = DEVICES[device]!;
    const members = Array.from({ length: USERS }, (_, user) => user).filter(
      (user) => user !== by && this.model.write(by, user)[0] === 'OK' && this.model.write(by, user).length === 1,
    );
    if (members.length === 0) return;
    const person = await this.on(device);
    const name = `group ${pick}`;
    const group = await person.client.groups.create(
      name,
      members.map((user) => this.userIds[user]!),
    );
    this.model.groups.push(new GroupModel(group.groupId, name, by, members, this.model.now));
  }

  private async add({ device, other, pick }: Step): Promise<void> {
    const [by, group] = [DEVICES[device]!, this.groupAt(pick)];
    if (group === undefined) return;
    const person = await this.on(device);
    const answer = await this.answered(group.add(by, other, this.model.write(by, other)), async () => {
      const [result] = await person.client.groups.add(group.id, [this.userIds[other]!]);
      if (result!.code !== 'OK') throw new MagpieError(result!.code, 'of the one member');
    });
    if (answer === 'OK') group.joined(other);
  }

  private async remove({ device, other, pick }: Step): Promise<void> {
    await this.changeGroup(device, pick, (by, group) => ({
      allowed: group.remove(by, other),
      does: ({ client }) => client.groups.remove(group.id, this.userIds[other]!),
      done: () => group.gone(other),
    }));
  }

  private async leave({ device, pick }: Step): Promise<void> {
    await this.changeGroup(device, pick, (by, group) => ({
      allowed: group.leave(by),
      does: ({ client }) => client.groups.leave(group.id),
      done: () => group.gone(by),
    }));
  }

  private async rename({ device, pick, other }: Step): Promise<void> {
    const name = `renamed ${other}`;
    await this.changeGroup(device, pick, (by, group) => ({
      allowed: group.ofManager(by),
      does: ({ client }) => client.groups.update(group.id, { name }),
      done: () => (group.name = name),
    }));
  }

  private async admin({ device, pick, other, on }: Step): Promise<void> {
    await this.changeGroup(device, pick, (by, group) => ({
      allowed: group.ofOwnerTo(by, other),
      does: ({ client }) => client.groups.setAdmin(group.id, this.userIds[other]!, on),
      done: () => group.setAdmin(other, on),
    }));
  }

  private async transfer({ device, pick, other }: Step): Promise<void> {
    await this.changeGroup(device, pick, (by, group) => ({
      allowed: group.ofOwnerTo(by, other),
      does: ({ client }) => client.groups.transfer(group.id, this.userIds[other]!),
      done: () => group.transferred(by, other),
    }));
  }

  private async muteAll({ device, pick, on }: Step): Promise<void> {
    await this.changeGroup(device, pick, (by, group) => ({
      allowed: group.ofManager(by),
      does: ({ client }) => client.groups.update(group.id, { mutedAll: on }),
      done: () => group.mute(on),
    }));
  }

  private async dissolve({ device, pick, on }: Step): Promise<void> {
    // Half as often: not much can be done with a group that is gone.
    if (!on) return;
    await this.changeGroup(device, pick, (by, group) => ({
      allowed: group.ofOwner(by),
      does: ({ client }) => client.groups.dissolve(group.id),
      done: () => group.dissolve(),
    }));
  }

  private async say({ device, other }: Step): Promise<void> {
    const by = DEVICES[device]!;
    const text = `text ${++this.said}`;
    const person = await this.on(device);
    const answer = await this.answered(this.model.write(by, other), () => person.say(this.userIds[other]!, text));
    if (answer === 'OK') this.model.wrote(by, other, text);
  }

  private async sayInGroup({ device, pick }: Step): Promise<void> {
    const [by, group] = [DEVICES[device]!, this.groupAt(pick)];
    if (group === undefined) return;
    const text = `text ${++this.said}`;
    const person = await this.on(device);
    const answer = await this.answered(group.write(by), () => person.say(group.id, text));
    if (answer === 'OK') this.model.wrote(by, group, text);
  }

  private async recall({ device, pick }: Step): Promise<void> {
    const by = DEVICES[device]!;
    const message = this.messageAt(by, pick);
    if (message === undefined || message.recalled) return;
    const { peer, shown } = await this.shown(device, message);
    const person = await this.on(device);
    const allowed = this.model.recall(by, message);
    const answer = await this.answered(allowed, () => person.client.recall(peer, shown.messageId!));
    if (answer === 'OK') message.recalled = true;
  }

  private async delete({ device, pick }: Step): Promise<void> {
    const by = DEVICES[device]!;
    const message = this.messageAt(by, pick);
    if (message === undefined || message.recalled) return;
    const { peer, shown } = await this.shown(device, message);
    const person = await this.on(device);
    await this.answered(['OK'], () => person.client.deleteMessages(peer, [shown.messageId!]));
    message.deletedBy.add(by);
  }

  private async clear({ device, pick, on }: Step): Promise<void> {
    const by = DEVICES[device]!;
    const message = on ? this.messageAt(by, pick) : undefined;
    if (message === undefined) return;
    const peer = this.model.peerOf(by, message);
    await this.settled(device, peer);
    const person = await this.on(device);
    await this.answered(['OK'], () => person.client.clearConversation(this.idOf(peer)));
    this.model.cleared(by, peer);
  }

  private async read({ device, pick }: Step): Promise<void> {
    const by = DEVICES[device]!;
    const message = this.messageAt(by, pick);
    if (message === undefined) return;
    const peer = this.model.peerOf(by, message);
    await this.settled(device, peer);
    await (await this.on(device)).client.markRead(this.idOf(peer));
    this.model.hasRead(by, peer);
  }

  private async pin({ device, other, on }: Step): Promise<void> {
    await this.set(device, other, { pinned: on });
  }

  private async mute({ device, other, on }: Step): Promise<void> {
    await this.set(device, other, { muted: on });
  }

  private async draft({ device, other, pick }: Step): Promise<void> {
    await this.set(device, other, { draft: pick === 0 ? '' : `draft ${pick}` });
  }

  private async set(device: number, other: number, change: { pinned?: boolean; muted?: boolean; draft?: string }) {
    const person = await this.on(device);
    await this.answered(['OK'], () => person.client.setConversation(this.userIds[other]!, change));
    // A draft is told in the background: another device may write one meanwhile, which is not this test's question.
    await until('what was set is told', () => person.client.unsent === 0);
    this.model.set(DEVICES[device]!, other, change);
  }

  /** The device is gone until it is needed again. */
  private async restart({ device }: Step): Promise<void> {
    const person = await this.on(device);
    await until('nothing waits to be told', () => person.client.unsent === 0);
    await person.client.close();
    this.open.delete(device);
  }

  private async on(device: number): Promise<Person> {
    const known = this.open.get(device);
    if (known !== undefined) return known;
    const person = await this.openDevice(device);
    this.open.set(device, person);
    return person;
  }

  private async seen(device: number) {
    return seenOn(await this.look(device), this.model, this.userIds);
  }

  /** The device, which has asked for what is new if nobody tells it. */
  private async look(device: number): Promise<Person> {
    const person = await this.on(device);
    if (transportOf(device) === 'http') await person.client.pull();
    return person;
  }

  private async changeGroup(
    device: number,
    pick: number,
    change: (
      by: number,
      group: GroupModel,
    ) => { allowed: Answers; does(person: Person): Promise<unknown>; done(): unknown },
  ): Promise<void> {
    const group = this.groupAt(pick);
    if (group === undefined) return;
    const person = await this.on(device);
    const { allowed, does, done } = change(DEVICES[device]!, group);
    if ((await this.answered(allowed, () => does(person))) === 'OK') done();
  }

  /** What the product answers, which must be one of what the model allows. */
  private async answered(allowed: Answers, command: () => Promise<unknown>): Promise<string> {
    const answer = await command().then(
      () => 'OK',
      (error: unknown) => {
        if (error instanceof MagpieError) return error.code;
        throw error;
      },
    );
    expect(allowed).toContain(answer);
    return answer;
  }

  private groupAt(pick: number): GroupModel | undefined {
    return this.model.groups[pick % this.model.groups.length];
  }

  /** One of the messages that a user has. */
  private messageAt(user: number, pick: number): ModelMessage | undefined {
    const all = this.model.messages.filter(({ recipients, deletedBy }) => recipients.has(user) && !deletedBy.has(user));
    return all[pick % all.length];
  }

  /** A message as a device shows it; waits until it does. */
  private async shown(device: number, message: ModelMessage): Promise<{ peer: string; shown: LocalMessage }> {
    const peer = this.idOf(this.model.peerOf(DEVICES[device]!, message));
    const person = await this.on(device);
    let shown: LocalMessage | undefined;
    await until(`"${message.text}" shows`, async () => {
      await this.look(device);
      shown = (await person.client.messages(peer, SHOWN_MAX)).find((each) => textIn(each) === message.text);
      return shown?.messageId !== undefined;
    });
    return { peer, shown: shown! };
  }

  /** Until a device shows all of a conversation. */
  private async settled(device: number, peer: number | string): Promise<void> {
    const wanted = this.model.seen(DEVICES[device]!, peer).length;
    await until(
      'the conversation is complete',
      async () => (await linesOf(await this.look(device), this.userIds, this.idOf(peer))).length === wanted,
    );
  }

  private idOf(peer: number | string): string {
    return typeof peer === 'number' ? this.userIds[peer]! : peer;
  }
}
