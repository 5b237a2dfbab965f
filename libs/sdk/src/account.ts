import { messaging, social, sync, type gateway } from '@magpie/contracts';
import type { Caller } from './caller.js';
import { Chat } from './chat.js';
import { Commander } from './commander.js';
import { prepareCall } from './commands.js';
import type { Emitter } from './emitter.js';
import { MagpieError } from './errors.js';
import type { ClientEvents } from './events.js';
import { Feed } from './feed.js';
import { Groups } from './groups.js';
import { Journal, type Changes } from './journal.js';
import { Outbox } from './outbox.js';
import { People } from './people.js';
import type { Clock, Random, Store } from './ports.js';
import { snapshotOf, type Snapshot } from './snapshot.js';
import type { ServerClock } from './time.js';
import { TypingWatch } from './typing.js';

export interface AccountOptions {
  readonly userId: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly random: Random;
  readonly caller: Caller;
  readonly events: Emitter<ClientEvents>;
  reachable(): boolean;
  /** Whether there is a long link. */
  online(): boolean;
}

const SERVICE = messaging.MessagingServiceDefinition;

/** What this device holds of one user: feed, chat, outbox, people, groups and profiles, under the user's own prefix of the store. */
export class Account {
  readonly feed: Feed;
  readonly outbox: Outbox;
  readonly chat: Chat;
  readonly people: People;
  readonly groups: Groups;
  readonly typing: TypingWatch;
  readonly #journal: Journal;
  #initial = false;

  constructor(private readonly options: AccountOptions) {
    const { userId, clock, random, caller, events } = options;
    const journal = new Journal(options.store, `user/${userId}/`);
    const commander = new Commander(caller, clock, random);
    const parts = { ...options, journal, commander };
    this.#journal = journal;
    this.typing = new TypingWatch({
      ...parts,
      send: (peer, typing) => commander.ask(SERVICE, 'sendTyping', { peer, typing }),
      typing: (typing) => events.emit('typing', typing),
    });
    const tellState = (message: ClientEvents['state']): void => events.emit('state', message);
    const tellConversation = (peer: string): void => events.emit('conversation', { peer });
    this.outbox = new Outbox({
      ...parts,
      send: (request) => caller.call(prepareCall(SERVICE, 'sendMessages', request)),
      state: tellState,
      conversation: tellConversation,
    });
    this.chat = new Chat({
      ...parts,
      outbox: this.outbox,
      tell: {
        message: (message) => {
          this.typing.ended(message.peer, message.from);
          events.emit('message', { message, initial: this.#initial });
        },
        state: tellState,
        deleted: (peer, messageIds) => events.emit('deleted', { peer, messageIds }),
        receipt: (receipt) => events.emit('receipt', receipt),
        conversation: tellConversation,
      },
    });
    this.people = new People({
      ...parts,
      contact: (contact) => events.emit('contact', contact),
      friendRequest: (request) => events.emit('friendRequest', request),
      privacy: (privacy) => events.emit('privacy', privacy),
    });
    this.groups = new Groups({
      ...parts,
      group: (group) => events.emit('group', group),
      joinRequest: (request) => events.emit('joinRequest', request),
    });
    this.feed = new Feed({
      ...parts,
      sync: (request) => caller.call(prepareCall(sync.SyncServiceDefinition, 'sync', request)),
      init: (request) => caller.call(prepareCall(sync.SyncServiceDefinition, 'init', request)),
      stage: (changes, item, initial) => this.#stage(changes, item, initial),
      typing: (typing) => this.typing.hear(typing),
    });
  }

  async load(): Promise<void> {
    await Promise.all([this.feed.load(), this.outbox.load(), this.chat.load()]);
    this.wake();
  }

  take(notice: gateway.Notice): void {
    this.feed.take(notice).catch(() => undefined);
  }

  /** There may be a way to the server again. */
  wake(): void {
    this.outbox.wake();
    this.chat.wake();
  }

  async search(userName: string): Promise<social.Profile[]> {
    const { users } = await this.options.caller.call(
      prepareCall(social.SocialServiceDefinition, 'searchUsers', { query: userName }),
    );
    await this.#journal.update(async (changes) => users.forEach((user) => stageProfile(changes, user)));
    return users;
  }

  /** The profile as last heard of, else asked for; undefined when there is none or nobody answers. */
  async profile(userId: string): Promise<social.Profile | undefined> {
    const kept = await this.#journal.get<unknown>(`profile/${userId}`);
    if (kept !== undefined) return social.Profile.fromJSON(kept);
    try {
      const { profile } = await this.options.caller.call(
        prepareCall(social.SocialServiceDefinition, 'getProfile', { userId }),
      );
      if (profile !== undefined) await this.#journal.update(async (changes) => stageProfile(changes, profile));
      return profile;
    } catch (error) {
      if (error instanceof MagpieError) return undefined;
      throw error;
    }
  }

  /** What the feed has brought, in a form that can be compared. */
  snapshot(): Promise<Snapshot> {
    return snapshotOf(this.#journal, this.chat.conversations);
  }

  async close(): Promise<void> {
    this.feed.stop();
    this.outbox.stop();
    this.chat.stop();
    this.typing.stop();
    await this.#journal.settled();
  }

  async #stage(changes: Changes, item: sync.Item, initial: boolean): Promise<void> {
    const inner = item.item;
    const { people, groups } = this;
    const { conversations } = this.chat;
    switch (inner?.$case) {
      case 'profile':
        return stageProfile(changes, inner.value);
      case 'contact':
        return people.stageContact(changes, inner.value);
      case 'friendRequest':
        return people.stageFriendRequest(changes, inner.value);
      case 'message':
        changes.after(() => (this.#initial = initial));
        return conversations.stage(changes, inner.value);
      case 'receipt':
        return conversations.stageReceipt(changes, inner.value);
      case 'recall':
        return conversations.stageRecall(changes, inner.value);
      case 'deletion':
        return conversations.stageDeletion(changes, inner.value);
      case 'group':
        return groups.stageGroup(changes, inner.value);
      case 'joinRequest':
        return groups.stageJoinRequest(changes, inner.value);
      case 'setting':
        return this.#stageSetting(changes, inner.value);
    }
  }

  async #stageSetting(changes: Changes, { setting }: sync.Setting): Promise<void> {
    if (setting?.$case === 'conversation') await this.chat.conversations.stageSetting(changes, setting.value);
    if (setting?.$case === 'privacy') await this.people.stagePrivacy(changes, setting.value);
  }
}

function stageProfile(changes: Changes, profile: social.Profile): void {
  changes.put(`profile/${profile.userId}`, social.Profile.toJSON(profile));
}
