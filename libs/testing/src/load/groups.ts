import { randomBytes } from 'node:crypto';
import { messaging, wire } from '@magpie/contracts';
import { conversationOf } from '@magpie/domain';
import { ADD_MEMBERS, CREATE_GROUP, REMOVE_MEMBER } from '../device/commands.js';
import type { Choose } from './choices.js';
import { Errands } from './errands.js';
import { Lane, type Peer } from './lane.js';
import type { LoadUser, Trial } from './trial.js';

const GROUPS = 4;
/** With the owner and the guest. */
const MEMBERS = 8;
/** Between one coming or going of a group's guest and the next. */
const TURN_MS = 2_000;
const LOOK_MS = 20;

/** A group, all but one of whose members stay: its owner lets the guest out and in again. */
class LoadGroup implements Peer {
  guestIsIn = true;
  /** Nobody comes or goes. */
  isStill = false;
  readonly conversation: string;

  constructor(
    readonly peerId: string,
    readonly owner: LoadUser,
    /** The owner among them. */
    readonly steady: readonly LoadUser[],
    readonly guest: LoadUser,
  ) {
    this.conversation = conversationOf('', peerId);
  }

  /** Whoever surely is a member when the message comes into the log. */
  readersOf(from: LoadUser): readonly LoadUser[] {
    const all = this.isStill && this.guestIsIn ? [...this.steady, this.guest] : this.steady;
    return all.filter((user) => user !== from);
  }
}

interface Turn {
  readonly group: LoadGroup;
  readonly trial: Trial;
  readonly errands: Errands;
}

/** A few groups among the users of the load, who write into them, and whose guests come and go. */
export class Groups {
  private readonly lanes: { readonly group: LoadGroup; readonly from: LoadUser; readonly lane: Lane }[] = [];
  private errands = new Errands();
  private turns: Promise<void>[] = [];
  private ended = true;

  private constructor(private readonly groups: readonly LoadGroup[]) {
    for (const group of groups) {
      for (const from of [...group.steady, group.guest]) {
        for (const device of from.devices) this.lanes.push({ group, from, lane: new Lane(from, device, group) });
      }
    }
  }

  /** Makes groups of the first users, each with a past: its guest was out once. Throws what they are refused with. */
  static async make(users: readonly LoadUser[], trial: Trial): Promise<Groups> {
    const made = Array.from({ length: GROUPS }, async (_, index) => {
      const members = users.slice(index * MEMBERS, (index + 1) * MEMBERS);
      const owner = members[0]!;
      const others = members.slice(1).map(({ userId }) => userId);
      const request = { name: `group ${index}`, members: others, commandId: newId() };
      const body = messaging.CreateGroupRequest.encode(request).finish();
      const { group } = messaging.CreateGroupResponse.decode(await owner.devices[0]!.call(CREATE_GROUP, body));
      return new LoadGroup(group!.groupId, owner, members.slice(0, -1), members.at(-1)!);
    });
    const groups = new Groups(await Promise.all(made));
    groups.ended = false;
    const { errands } = groups;
    await Promise.all(groups.groups.map((group) => groups.letOut({ group, trial, errands })));
    await Promise.all(groups.groups.map((group) => letIn({ group, trial, errands })));
    if (errands.wrong.length > 0) throw new Error(errands.wrong.join('; '));
    return groups;
  }

  /** Guests come and go from now on; `still`: they stay as they are. */
  begin(trial: Trial, still: boolean): void {
    this.ended = still;
    this.errands = new Errands();
    for (const group of this.groups) group.isStill = still;
    this.turns = still ? [] : this.groups.map((group) => this.takeTurns({ group, trial, errands: this.errands }));
  }

  /** The way of some member into some group. */
  lane(choose: Choose): Lane {
    const { group, from, lane } = this.lanes[choose(this.lanes.length)]!;
    if (from !== group.guest || group.guestIsIn) return lane;
    return this.lanes.find((each) => each.from === group.owner)!.lane;
  }

  end(): void {
    this.ended = true;
  }

  /** Waits until whoever comes or goes has done so; answers what went wrong. */
  async settle(withinMs: number): Promise<readonly string[]> {
    await this.errands.settle(Promise.all(this.turns), withinMs);
    const { wrong, unresolved } = this.errands;
    return [...wrong, ...(unresolved > 0 ? [`${unresolved} commands of groups without an answer`] : [])];
  }

  stop(): void {
    this.end();
    for (const { lane } of this.lanes) lane.stop();
  }

  private async takeTurns(turn: Turn): Promise<void> {
    for (let at = performance.now(); !this.ended; await sleep(LOOK_MS)) {
      if (performance.now() < at + TURN_MS) continue;
      await (turn.group.guestIsIn ? this.letOut(turn) : letIn(turn));
      at = performance.now();
    }
  }

  private async letOut({ group, trial, errands }: Turn): Promise<void> {
    const { guest, owner, peerId: groupId, conversation } = group;
    group.guestIsIn = false;
    // Whatever the guest still has to say is said as a member.
    const isTalking = (): boolean => this.lanes.some(({ from, lane }) => from === guest && lane.isBusy);
    while (isTalking() && !this.ended) await sleep(LOOK_MS);
    if (isTalking()) {
      group.guestIsIn = true;
      return;
    }
    const request = { groupId, userId: guest.userId, commandId: newId() };
    const body = messaging.RemoveMemberRequest.encode(request).finish();
    const answer = await errands.run('RemoveMember', () => owner.devices[0]!.call(REMOVE_MEMBER, body));
    if (answer !== undefined) trial.wentOut(conversation, guest.userId);
  }
}

async function letIn({ group, trial, errands }: Turn): Promise<void> {
  const { guest, owner, peerId: groupId, conversation } = group;
  trial.comesIn(conversation, guest.userId);
  const request = { groupId, members: [guest.userId], commandId: newId() };
  const body = messaging.AddMembersRequest.encode(request).finish();
  const answer = await errands.run('AddMembers', () => owner.devices[0]!.call(ADD_MEMBERS, body));
  if (answer === undefined) return;
  const code = messaging.AddMembersResponse.decode(answer).results[0]?.code ?? wire.Code.INTERNAL;
  if (code === wire.Code.OK) group.guestIsIn = true;
  else errands.wrong.push(`AddMembers: ${wire.Code[code]}`);
}

const newId = (): string => randomBytes(12).toString('hex');

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
