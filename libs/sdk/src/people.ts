import { social } from '@magpie/contracts';
import type { Commander } from './commander.js';
import type { Changes, Journal } from './journal.js';
import { supersedes } from './requests.js';

const SERVICE = social.SocialServiceDefinition;
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
  readonly commander: Commander;
  contact(contact: social.Contact): void;
  friendRequest(request: social.FriendRequestItem): void;
  privacy(privacy: social.PrivacySetting): void;
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

  /** What this user has set about being found and asked; undefined while nothing was ever set. */
  async privacy(): Promise<social.PrivacySetting | undefined> {
    const kept = await this.options.journal.get<unknown>('privacy');
    return kept === undefined ? undefined : social.PrivacySetting.fromJSON(kept);
  }

  async stagePrivacy(changes: Changes, privacy: social.PrivacySetting): Promise<void> {
    const known = await changes.get<unknown>('privacy');
    if (known !== undefined && social.PrivacySetting.fromJSON(known).version >= privacy.version) return;
    changes.put('privacy', social.PrivacySetting.toJSON(privacy));
    changes.after(() => this.options.privacy(privacy));
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
    if (!supersedes(request, known === undefined ? undefined : social.FriendRequestItem.fromJSON(known))) return;
    changes.put(key, social.FriendRequestItem.toJSON(request));
    changes.after(() => this.options.friendRequest(request));
  }

  async #about(method: AboutOne, userId: string): Promise<void> {
    await this.#call(method, { userId });
  }

  #call<K extends keyof typeof SERVICE.methods>(
    method: K,
    request: Parameters<typeof this.options.commander.command<typeof SERVICE, K>>[2],
  ) {
    return this.options.commander.command(SERVICE, method, request);
  }
}
