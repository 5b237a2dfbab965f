import { messaging } from '@magpie/contracts';
import type { Commander } from './commander.js';
import { codeNameOf, type ErrorCode } from './errors.js';
import type { Changes, Journal, Kept } from './journal.js';
import { supersedes } from './requests.js';

const SERVICE = messaging.MessagingServiceDefinition;
const { JOINED } = messaging.Group_State;
/** A group with more members comes without them: `get` asks for them. */
export const MEMBERS_IN_ITEM_MAX = 100;

/** What is left out stays as it is. */
export interface GroupChanges {
  /** 1–64 characters. */
  readonly name?: string;
  /** Up to 2 000 characters; empty = none. */
  readonly announcement?: string;
  /** Whom plain members bring in must be let in by the owner or an admin. */
  readonly approvalNeeded?: boolean;
  /** Only owner and admins may write. */
  readonly mutedAll?: boolean;
}

interface GroupsOptions {
  readonly journal: Journal;
  readonly commander: Commander;
  group(group: messaging.Group): void;
  joinRequest(request: messaging.JoinRequest): void;
}

interface KeptMembers {
  readonly version: number;
  readonly members: readonly unknown[];
}

/** Groups of one user: what the feed has brought to this device, and the commands about them. */
export class Groups {
  constructor(private readonly options: GroupsOptions) {}

  /** All that this user is or was in, by id, as they stand here; `members` is empty where they were not asked for yet. */
  async list(): Promise<messaging.Group[]> {
    return keptGroups(this.options.journal);
  }

  /** The group with its members, asked of the server if they are not here; undefined when there is none. NOT_A_MEMBER. */
  async get(groupId: string): Promise<messaging.Group | undefined> {
    const known = await keptGroup(this.options.journal, groupId);
    if (known !== undefined && (known.members.length === known.memberCount || known.state !== JOINED)) return known;
    return this.refresh(groupId);
  }

  /** The group as the server has it now. */
  async refresh(groupId: string): Promise<messaging.Group | undefined> {
    const { group } = await this.options.commander.ask(SERVICE, 'getGroup', { groupId });
    return this.#take(group);
  }

  /** The caller becomes its owner; `members` are friends, 1–499. */
  async create(name: string, members: readonly string[]): Promise<messaging.Group> {
    const { group } = await this.#command('createGroup', { name, members: [...members] });
    return (await this.#take(group))!;
  }

  /** What became of each: OK also for who waits to be let in. */
  async add(groupId: string, userIds: readonly string[]): Promise<{ userId: string; code: ErrorCode }[]> {
    const { results } = await this.#command('addMembers', { groupId, members: [...userIds] });
    return results.map(({ userId, code }) => ({ userId, code: codeNameOf(code) }));
  }

  async remove(groupId: string, userId: string): Promise<void> {
    await this.#command('removeMember', { groupId, userId });
  }

  async leave(groupId: string): Promise<void> {
    await this.#command('leaveGroup', { groupId });
  }

  async update(groupId: string, changes: GroupChanges): Promise<messaging.Group> {
    const { group } = await this.#command('updateGroup', { groupId, ...changes });
    return (await this.#take(group))!;
  }

  async setAdmin(groupId: string, userId: string, admin: boolean): Promise<void> {
    await this.#command('setGroupAdmin', { groupId, userId, admin });
  }

  async transfer(groupId: string, userId: string): Promise<void> {
    await this.#command('transferGroup', { groupId, userId });
  }

  /** For up to 30 days; 0 ms = may write again. */
  async mute(groupId: string, userId: string, durationMs: number): Promise<void> {
    await this.#command('muteMember', { groupId, userId, durationMs });
  }

  async dissolve(groupId: string): Promise<void> {
    await this.#command('dissolveGroup', { groupId });
  }

  /** This user's own name in the group, up to 32 characters; empty = that of the profile. */
  async nickname(groupId: string, nickname: string): Promise<void> {
    await this.#command('editGroupMember', { groupId, nickname });
  }

  /** What a QR code or card of the group holds. */
  async ticket(groupId: string): Promise<{ ticket: string; expiresAtMs: number }> {
    return this.options.commander.ask(SERVICE, 'createGroupTicket', { groupId });
  }

  /** `joined` false: waits to be let in. */
  async join(ticket: string): Promise<{ groupId: string; joined: boolean }> {
    return this.#command('joinGroup', { ticket });
  }

  /** Of groups that this user may let people into, and own ones; answered ones included, the newest first. */
  async joinRequests(): Promise<messaging.JoinRequest[]> {
    const kept = await this.options.journal.list<unknown>({ prefix: 'join-request/' });
    return kept.map(([, request]) => messaging.JoinRequest.fromJSON(request)).sort((a, b) => b.atMs - a.atMs);
  }

  async answer(groupId: string, requestId: string, accept: boolean): Promise<void> {
    await this.#command('answerJoinRequest', { groupId, requestId, accept });
  }

  /** Takes a group unless a newer one is known; members that come with one are kept apart from it. */
  async stageGroup(changes: Changes, group: messaging.Group): Promise<void> {
    const { groupId, version, members } = group;
    const known = await changes.get<unknown>(`group/${groupId}`);
    const knownVersion = known === undefined ? -1 : messaging.Group.fromJSON(known).version;
    if (version < knownVersion) return;
    const had = await changes.get<KeptMembers>(`group-members/${groupId}`);
    const bringsMembers = members.length > 0 && (had === undefined || had.version < version);
    if (bringsMembers) {
      const kept = members.map((member) => messaging.Member.toJSON(member));
      changes.put(`group-members/${groupId}`, { version, members: kept } satisfies KeptMembers);
    }
    // Also in the place of an answer of the same version: what the feed says is the same on all devices.
    changes.put(`group/${groupId}`, messaging.Group.toJSON({ ...group, members: [] }));
    if (version > knownVersion || bringsMembers) changes.after(() => this.options.group(group));
  }

  async stageJoinRequest(changes: Changes, request: messaging.JoinRequest): Promise<void> {
    const key = `join-request/${request.requestId}`;
    const known = await changes.get<unknown>(key);
    if (!supersedes(request, known === undefined ? undefined : messaging.JoinRequest.fromJSON(known))) return;
    changes.put(key, messaging.JoinRequest.toJSON(request));
    changes.after(() => this.options.joinRequest(request));
  }

  /** An answer goes to a member. */
  async #take(group: messaging.Group | undefined): Promise<messaging.Group | undefined> {
    if (group === undefined) return undefined;
    const { journal } = this.options;
    await journal.update((changes) => this.stageGroup(changes, { ...group, state: group.state || JOINED }));
    return keptGroup(journal, group.groupId);
  }

  #command<K extends keyof typeof SERVICE.methods>(
    method: K,
    request: Parameters<typeof this.options.commander.command<typeof SERVICE, K>>[2],
  ) {
    return this.options.commander.command(SERVICE, method, request);
  }
}

/** Every group with those of its members that are known as of its version. */
export async function keptGroups(kept: Kept): Promise<messaging.Group[]> {
  const found = await kept.list<unknown>({ prefix: 'group/' });
  return Promise.all(found.map(([, group]) => withMembers(kept, messaging.Group.fromJSON(group))));
}

async function keptGroup(kept: Kept, groupId: string): Promise<messaging.Group | undefined> {
  const found = await kept.get<unknown>(`group/${groupId}`);
  return found === undefined ? undefined : withMembers(kept, messaging.Group.fromJSON(found));
}

async function withMembers(kept: Kept, group: messaging.Group): Promise<messaging.Group> {
  const found = await kept.get<KeptMembers>(`group-members/${group.groupId}`);
  const members = found?.version === group.version ? found.members : [];
  return { ...group, members: members.map((member) => messaging.Member.fromJSON(member)) };
}
