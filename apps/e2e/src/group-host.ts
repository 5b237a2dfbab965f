import { randomBytes } from 'node:crypto';
import { COMMANDS, messaging as contract, type MethodName } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import type { Witness } from '@magpie/testing';

const AGAIN_MS = 100;
const commandOf = (method: MethodName) => [...COMMANDS.values()].find((each) => each.method === method)!;
const CREATE = commandOf('magpie.messaging.v1.MessagingService/CreateGroup');
const ADD = commandOf('magpie.messaging.v1.MessagingService/AddMembers');
const REMOVE = commandOf('magpie.messaging.v1.MessagingService/RemoveMember');
const LEAVE = commandOf('magpie.messaging.v1.MessagingService/LeaveGroup');

/** A time in which somebody was known to be out of the group, by what was answered; ms since 1970. */
export interface Absence {
  readonly user: string;
  /** The removal was answered with OK. */
  readonly from: number;
  /** Somebody set about adding the user again; Infinity = nobody did. */
  readonly to: number;
}

/** The owner of a group, who lets people in and out; each command is tried again with its id until it is answered. */
export class GroupHost {
  readonly absences: Absence[] = [];

  private constructor(
    private readonly owner: Witness,
    readonly groupId: string,
  ) {}

  static async create(owner: Witness, members: readonly string[]): Promise<GroupHost> {
    const request = { name: 'five hundred', members: [...members], commandId: newId() };
    const body = await persist(owner, CREATE, contract.CreateGroupRequest.encode(request).finish());
    return new GroupHost(owner, contract.CreateGroupResponse.decode(body).group!.groupId);
  }

  async add(user: string): Promise<void> {
    const beginning = Date.now();
    const last = this.absences.findLastIndex((absence) => absence.user === user);
    if (last >= 0) this.absences[last] = { ...this.absences[last]!, to: beginning };
    const request = { groupId: this.groupId, members: [user], commandId: newId() };
    await persist(this.owner, ADD, contract.AddMembersRequest.encode(request).finish());
  }

  async remove(user: string): Promise<void> {
    const request = { groupId: this.groupId, userId: user, commandId: newId() };
    await persist(this.owner, REMOVE, contract.RemoveMemberRequest.encode(request).finish());
    this.absences.push({ user, from: Date.now(), to: Infinity });
  }

  async letGo(member: Witness): Promise<void> {
    const request = { groupId: this.groupId, commandId: newId() };
    await persist(member, LEAVE, contract.LeaveGroupRequest.encode(request).finish());
    this.absences.push({ user: member.userId, from: Date.now(), to: Infinity });
  }
}

async function persist(by: Witness, command: typeof CREATE, body: Uint8Array): Promise<Uint8Array> {
  for (;;) {
    try {
      return await by.call(command, body);
    } catch (error) {
      if (!(error instanceof DomainError) || !['UNAVAILABLE', 'CONFLICT'].includes(error.code)) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

const newId = (): string => randomBytes(12).toString('hex');
