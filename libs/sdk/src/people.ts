import { social } from '@magpie/contracts';
import type { Caller } from './caller.js';
import { prepareCall, type RequestOf } from './commands.js';
import type { Changes, Journal } from './journal.js';
import type { Random } from './ports.js';

const { PENDING } = social.FriendRequestItem_RequestState;
const SERVICE = social.SocialServiceDefinition;
type Methods = typeof SERVICE.methods;
/** Commands that name one person and answer nothing. */
type AboutOne = 'deleteFriend' | 'blockUser' | 'unblockUser';

/** What only its owner sees of a contact; what is left out stays as it is. */
export interface ContactChanges {
  /** Up to 32 characters; empty = none. */
  readonly remark?: string;
  readonly tags?: readonly string[];
  readonly starred?: boolean;
}

interface PeopleOptions {
  readonly journal: Journal;
  readonly caller: Caller;
  readonly random: Random;
  contact(contact: social.Contact): void;
  friendRequest(request: social.FriendRequestItem): void;
}

/** Contacts and friend requests of one user: what the feed has brought to this device, and the commands that change them. */
export class People {
  constructor(private readonly options: PeopleOptions) {}

  /** Contacts as they stand here, friends or not, by user id. */
  async contacts(): Promise<social.Contact[]> {
    const kept = await this.options.journal.list<unknown>({ prefix: 'contact/' });
    return kept.map(([, contact]) => social.Contact.fromJSON(contact));
  }

  /** Friend requests from and to this user, answered ones included; the newest first. */
  async friendRequests(): Promise<social.FriendRequestItem[]> {
    const kept = await this.options.journal.list<unknown>({ prefix: 'friend-request/' });
    const requests = kept.map(([, request]) => social.FriendRequestItem.fromJSON(request));
    return requests.sort((a, b) => b.atMs - a.atMs);
  }

  /** Answers the request's id; a request of the other one that waits makes both friends at once. */
  async requestFriend(userId: string, greeting = '', source = ''): Promise<string> {
    const answer = await this.#call('requestFriend', { userId, greeting, source });
    return answer.requestId;
  }

  async answerFriendRequest(requestId: string, accept: boolean, reason = ''): Promise<void> {
    await this.#call('answerFriendRequest', { requestId, accept, reason });
  }

  /** Takes the other one out of the own list; the own name stays in theirs. */
  deleteFriend(userId: string): Promise<void> {
    return this.#about('deleteFriend', userId);
  }

  blockUser(userId: string): Promise<void> {
    return this.#about('blockUser', userId);
  }

  unblockUser(userId: string): Promise<void> {
    return this.#about('unblockUser', userId);
  }

  async editContact(userId: string, { remark, tags, starred }: ContactChanges): Promise<void> {
    await this.#call('editContact', {
      userId,
      ...(remark === undefined ? {} : { remark }),
      ...(tags === undefined ? {} : { tags: { tags: [...tags] } }),
      ...(starred === undefined ? {} : { starred }),
    });
  }

  /** How others see this user; what is left out stays as it is. */
  async updateProfile(changes: { nickname?: string; signature?: string; region?: string }): Promise<void> {
    await this.#call('updateProfile', changes);
  }

  async stageContact(changes: Changes, contact: social.Contact): Promise<void> {
    const key = `contact/${contact.userId}`;
    const known = await changes.get<unknown>(key);
    if (known !== undefined && social.Contact.fromJSON(known).version >= contact.version) return;
    changes.put(key, social.Contact.toJSON(contact));
    changes.after(() => this.options.contact(contact));
  }

  async stageFriendRequest(changes: Changes, request: social.FriendRequestItem): Promise<void> {
    const key = `friend-request/${request.requestId}`;
    const known = await changes.get<unknown>(key);
    const was = known === undefined ? undefined : social.FriendRequestItem.fromJSON(known);
    // It may be asked again while it waits. What became of it stays, whatever a clock at the server says.
    if (was !== undefined && (was.state !== PENDING || (request.state === PENDING && was.atMs >= request.atMs))) return;
    changes.put(key, social.FriendRequestItem.toJSON(request));
    changes.after(() => this.options.friendRequest(request));
  }

  async #about(method: AboutOne, userId: string): Promise<void> {
    await this.#call(method, { userId });
  }

  #call<K extends AboutOne | 'requestFriend' | 'answerFriendRequest' | 'editContact' | 'updateProfile'>(
    method: K,
    request: Omit<RequestOf<Methods[K]>, 'commandId'>,
  ) {
    const command = { ...request, commandId: this.options.random.id() } as RequestOf<Methods[K]>;
    return this.options.caller.call(prepareCall(SERVICE, method, command));
  }
}
