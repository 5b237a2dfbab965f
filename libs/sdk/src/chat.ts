import { messaging } from '@magpie/contracts';
import type { Commander } from './commander.js';
import { Conversations, type Told, type Unsent } from './conversations.js';
import { MagpieError } from './errors.js';
import type { Journal } from './journal.js';
import { Latest } from './latest.js';
import { fromKept, keep, type KeptMessage, type LocalMessage } from './local-message.js';
import type { Outbox } from './outbox.js';
import type { ForwardOptions, SendOptions } from './outbox-entry.js';
import type { Clock, Random } from './ports.js';
import { progress } from './receipts.js';

const SERVICE = messaging.MessagingServiceDefinition;

/** How long a mark of what was read waits for a later one. */
const READ_DELAY_MS = 300;
const DRAFT_DELAY_MS = 2_000;
export const DRAFT_LENGTH_MAX = 4096;
/** Messages of one command. */
const DELETE_MAX = 100;
const HISTORY_LIMIT = 50;

interface ChatParts {
  readonly journal: Journal;
  readonly userId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly commander: Commander;
  readonly outbox: Outbox;
  reachable(): boolean;
  readonly tell: Told;
}

interface Draft {
  readonly text: string;
  /** Of the command that brings it to the server. */
  readonly commandId: string;
}

/** What is left out stays as it is. */
export interface ConversationChanges {
  readonly pinned?: boolean;
  /** Its messages count, but nobody is called. */
  readonly muted?: boolean;
  /** A group that stands among the contacts. */
  readonly saved?: boolean;
  /** Up to 4 096 characters; empty = none. Told to the server in the background. */
  readonly draft?: string;
}

/** Where to look; what is left out does not matter. */
export interface SearchFilters {
  readonly peer?: string;
  readonly from?: string;
  /** Kinds of content, e.g. `text`, `file`. */
  readonly kinds?: readonly string[];
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** 1–100. */
  readonly limit?: number;
  /** `nextPageToken` of the page before. */
  readonly pageToken?: string;
}

/** What a user does in conversations besides reading: writing, marking, setting up, taking back, looking up. */
export class Chat {
  readonly conversations: Conversations;
  readonly #reads: Latest<number, unknown>;
  readonly #drafts: Latest<Draft, messaging.EditConversationResponse>;

  constructor(private readonly parts: ChatParts) {
    const { journal, userId, outbox, tell, commander } = parts;
    this.#reads = new Latest({
      ...parts,
      prefix: 'unsent-read/',
      delayMs: READ_DELAY_MS,
      send: (peer, position) => commander.ask(SERVICE, 'markRead', { peer, position }),
      stageSent: (changes, peer, readPosition) =>
        this.conversations.stageReceipt(changes, { peer, reader: userId, readPosition, deliveredPosition: 0 }),
      refused: tell.conversation,
    });
    this.#drafts = new Latest({
      ...parts,
      prefix: 'unsent-draft/',
      delayMs: DRAFT_DELAY_MS,
      send: (peer, { text, commandId }) => commander.ask(SERVICE, 'editConversation', { peer, draft: text, commandId }),
      stageSent: async (changes, _peer, _draft, { setting }) => {
        if (setting !== undefined) await this.conversations.stageSetting(changes, setting);
      },
      refused: tell.conversation,
    });
    const unsent: Unsent = {
      readPosition: (peer) => this.#reads.get(peer) ?? 0,
      draft: (peer) => this.#drafts.get(peer)?.text,
      drafted: () => this.#drafts.keys(),
    };
    this.conversations = new Conversations(journal, userId, outbox, unsent, tell);
  }

  async load(): Promise<void> {
    await Promise.all([this.#reads.load(), this.#drafts.load()]);
  }

  /** There may be a way to the server again. */
  wake(): void {
    this.#reads.wake();
    this.#drafts.wake();
  }

  stop(): void {
    this.#reads.stop();
    this.#drafts.stop();
  }

  /** Marks and drafts that the server does not have. */
  get unsent(): number {
    return this.#reads.size + this.#drafts.size;
  }

  async send(to: string, content: messaging.Content, options: SendOptions = {}): Promise<LocalMessage> {
    const { quoteMessageId, mentions, burnAfterMs } = options;
    const quoted = quoteMessageId === undefined ? undefined : await this.conversations.message(quoteMessageId);
    const { from = '', content: of = {} } = quoted ?? {};
    return this.parts.outbox.send(to, content, {
      ...(mentions === undefined ? {} : { mentions }),
      ...(quoteMessageId === undefined ? {} : { quote: { messageId: quoteMessageId, from, content: of } }),
      ...(burnAfterMs === undefined ? {} : { burnAfterMs }),
    });
  }

  /** What is shown until the feed has brought it is what this device knows of the messages. */
  async forward(to: string, forward: ForwardOptions): Promise<LocalMessage> {
    const found = await Promise.all(forward.messageIds.map((id) => this.conversations.message(id)));
    const kept = found.filter((message) => message !== undefined).sort((a, b) => a.position - b.position);
    const content = forward.merged ? merged(forward.title ?? '', kept) : contentOf(kept[0]);
    return this.parts.outbox.send(to, content, { forward });
  }

  /** Up to the newest message, or to a position; told to the server in the background. */
  async markRead(peer: string, upTo = Infinity): Promise<void> {
    const { journal, tell } = this.parts;
    await journal.update(async (changes) => {
      const newest = await this.conversations.newestUnread(changes, peer, upTo);
      if (newest === undefined) return;
      this.#reads.stage(changes, peer, newest);
      changes.after(() => tell.conversation(peer));
    });
  }

  async set(peer: string, { draft, ...settings }: ConversationChanges): Promise<void> {
    if (draft !== undefined) await this.#setDraft(peer, draft);
    if (Object.keys(settings).length === 0) return;
    const { setting } = await this.parts.commander.command(SERVICE, 'editConversation', { peer, ...settings });
    if (setting === undefined) return;
    await this.parts.journal.update((changes) => this.conversations.stageSetting(changes, setting));
  }

  /** On all devices of this user, for nobody else. */
  async delete(peer: string, messageIds: readonly string[]): Promise<void> {
    for (let at = 0; at < messageIds.length; at += DELETE_MAX) {
      const some = messageIds.slice(at, at + DELETE_MAX);
      await this.parts.commander.command(SERVICE, 'deleteMessages', { peer, messageIds: some });
      await this.parts.journal.update(async (changes) => {
        for (const messageId of some) {
          const { position = 0 } = (await this.conversations.message(messageId)) ?? {};
          if (position > 0) await this.conversations.stageDeletion(changes, { peer, messageId, position });
        }
      });
    }
  }

  /** Deletes all that this device knows of, and what is older, on all devices of this user. */
  async clear(peer: string): Promise<void> {
    const position = await this.conversations.newestPosition(peer);
    if (position === 0) return;
    await this.parts.commander.command(SERVICE, 'clearConversation', { peer, position });
    const cleared = messaging.ConversationSetting.fromPartial({ peer, clearedPosition: position });
    await this.parts.journal.update((changes) => this.conversations.stageSetting(changes, cleared));
  }

  /** For everybody, within 2 minutes; EXPIRED afterwards. */
  async recall(peer: string, messageId: string): Promise<void> {
    await this.parts.commander.command(SERVICE, 'recallMessage', { peer, messageId });
    const { position } = (await this.conversations.message(messageId)) ?? {};
    if (position === undefined) return;
    const by = this.parts.userId;
    await this.parts.journal.update((changes) =>
      this.conversations.stageRecall(changes, { peer, messageId, position, by }),
    );
  }

  /** The server's history, oldest first; not kept here. */
  async history(
    peer: string,
    options: { beforePosition?: number; afterPosition?: number; limit?: number },
  ): Promise<LocalMessage[]> {
    const { messages } = await this.parts.commander.ask(SERVICE, 'listHistory', {
      peer,
      limit: HISTORY_LIMIT,
      ...options,
    });
    const found = await this.#shown(messages);
    return options.afterPosition === undefined ? found.reverse() : found;
  }

  /** Messages that this user may read, by what stands in them, the newest first; not kept here. */
  async search(query: string, filters: SearchFilters): Promise<{ messages: LocalMessage[]; nextPageToken: string }> {
    const { kinds, ...rest } = filters;
    const request = { query, ...rest, ...(kinds === undefined ? {} : { kinds: [...kinds] }) };
    const { messages, nextPageToken } = await this.parts.commander.ask(SERVICE, 'searchMessages', request);
    return { messages: await this.#shown(messages), nextPageToken };
  }

  #shown(messages: readonly messaging.Message[]): Promise<LocalMessage[]> {
    const { journal, userId } = this.parts;
    return Promise.all(
      messages.map(async (message) => {
        const { peer, clientId, messageId } = message;
        const theirs = peer === userId ? undefined : await progress(journal, peer, peer);
        const id = (await this.conversations.message(messageId))?.id ?? (clientId || messageId);
        return fromKept(keep(message, id), peer, userId, theirs);
      }),
    );
  }

  async #setDraft(peer: string, text: string): Promise<void> {
    const length = [...text].length;
    if (length > DRAFT_LENGTH_MAX) {
      throw new MagpieError('INVALID', `draft: ${length} characters, at most ${DRAFT_LENGTH_MAX}`);
    }
    if (((await this.conversations.conversation(peer)).draft ?? '') === text) return;
    await this.parts.journal.update(async (changes) => {
      this.#drafts.stage(changes, peer, { text, commandId: this.parts.random.id() });
      changes.after(() => this.parts.tell.conversation(peer));
    });
  }
}

function contentOf(kept: KeptMessage | undefined): messaging.Content {
  return messaging.Content.fromJSON(kept?.content ?? {});
}

function merged(title: string, kept: readonly KeptMessage[]): messaging.Content {
  const entries = kept.map((each) => ({ from: each.from, serverTimeMs: each.timeMs, content: contentOf(each) }));
  return { content: { $case: 'merged', value: { title, entries } } };
}
