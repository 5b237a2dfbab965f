import { messaging, social, sync, type gateway } from '@magpie/contracts';
import type { Caller } from './caller.js';
import { prepareCall } from './commands.js';
import { Conversations } from './conversations.js';
import type { Emitter } from './emitter.js';
import { MagpieError } from './errors.js';
import type { ClientEvents } from './events.js';
import { Feed } from './feed.js';
import { Journal, type Changes } from './journal.js';
import { fromKept, keep, type LocalMessage } from './local-message.js';
import { Outbox } from './outbox.js';
import { People } from './people.js';
import type { Clock, Random, Store } from './ports.js';
import type { ServerClock } from './time.js';

export interface AccountOptions {
  readonly userId: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly random: Random;
  readonly caller: Caller;
  readonly events: Emitter<ClientEvents>;
  reachable(): boolean;
}

/** What this device holds of one user: feed, conversations, outbox, people and profiles, under the user's own prefix of the store. */
export class Account {
  readonly feed: Feed;
  readonly outbox: Outbox;
  readonly conversations: Conversations;
  readonly people: People;
  readonly #journal: Journal;
  #initial = false;

  constructor(private readonly options: AccountOptions) {
    const { userId, clock, serverClock, random, caller, events } = options;
    this.#journal = new Journal(options.store, `user/${userId}/`);
    const tellConversation = (peer: string): void => events.emit('conversation', { peer });
    this.outbox = new Outbox({
      journal: this.#journal,
      userId,
      clock,
      serverClock,
      random,
      reachable: options.reachable,
      send: (request) => caller.call(prepareCall(messaging.MessagingServiceDefinition, 'sendMessages', request)),
      state: (message) => events.emit('state', message),
      conversation: tellConversation,
    });
    this.conversations = new Conversations(this.#journal, userId, this.outbox, {
      message: (message) => events.emit('message', { message, initial: this.#initial }),
      state: (message) => events.emit('state', message),
      conversation: tellConversation,
    });
    this.people = new People({
      journal: this.#journal,
      caller,
      random,
      contact: (contact) => events.emit('contact', contact),
      friendRequest: (request) => events.emit('friendRequest', request),
    });
    this.feed = new Feed({
      journal: this.#journal,
      clock,
      random,
      sync: (request) => caller.call(prepareCall(sync.SyncServiceDefinition, 'sync', request)),
      init: (request) => caller.call(prepareCall(sync.SyncServiceDefinition, 'init', request)),
      stage: (changes, item, initial) => this.#stage(changes, item, initial),
    });
  }

  async load(): Promise<void> {
    await Promise.all([this.feed.load(), this.outbox.load()]);
  }

  take(notice: gateway.Notice): void {
    this.feed.take(notice).catch(() => undefined);
  }

  /** The server's history, oldest first; not kept here. */
  async history(peer: string, options: { beforePosition?: number; limit?: number } = {}): Promise<LocalMessage[]> {
    const { messages } = await this.options.caller.call(
      prepareCall(messaging.MessagingServiceDefinition, 'listHistory', { peer, limit: 50, ...options }),
    );
    return messages.reverse().map((message) => {
      const id = message.clientId !== '' ? message.clientId : message.messageId;
      return fromKept(keep(message, id), peer, this.options.userId);
    });
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

  async close(): Promise<void> {
    this.feed.stop();
    this.outbox.stop();
    await this.#journal.settled();
  }

  async #stage(changes: Changes, item: sync.Item, initial: boolean): Promise<void> {
    const inner = item.item;
    switch (inner?.$case) {
      case 'profile':
        return stageProfile(changes, inner.value);
      case 'contact':
        return this.people.stageContact(changes, inner.value);
      case 'friendRequest':
        return this.people.stageFriendRequest(changes, inner.value);
      case 'message':
        changes.after(() => (this.#initial = initial));
        return this.conversations.stage(changes, inner.value);
    }
  }
}

function stageProfile(changes: Changes, profile: social.Profile): void {
  changes.put(`profile/${profile.userId}`, social.Profile.toJSON(profile));
}
