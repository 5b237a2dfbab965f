import type { messaging } from '@magpie/contracts';
import type { Changes, Journal, Kept } from './journal.js';
import {
  above,
  messageById,
  newest,
  peersWithMessages,
  stageClearing,
  stageDeletion,
  stageMessage,
  stageRecall,
} from './kept-messages.js';
import { counts, fromKept, mentions, type Conversation, type KeptMessage, type LocalMessage } from './local-message.js';
import { progress, stageReceipt } from './receipts.js';
import { peersWithSettings, settingOf, stageSetting } from './settings.js';

/** More unread messages than this are not counted. */
export const UNREAD_MAX = 999;

/** What the outbox knows about own messages. */
export interface OwnMessages {
  /** The local id of the message with this client id when it is in the outbox; stages its removal from there. */
  settle(changes: Changes, clientId: string): Promise<string | undefined>;
  /** Own messages without a position, in the order they were written. */
  pending(peer?: string): LocalMessage[];
}

/** What this device has set and the server does not have yet. */
export interface Unsent {
  readPosition(peer: string): number;
  draft(peer: string): string | undefined;
  /** Conversations with a draft that the server does not have. */
  drafted(): string[];
}

export interface Told {
  message(message: LocalMessage): void;
  state(message: LocalMessage): void;
  deleted(peer: string, messageIds: readonly string[]): void;
  receipt(receipt: messaging.Receipt): void;
  conversation(peer: string): void;
}

/**
 * What the feed has brought of conversations: messages, receipts, settings. Items may come in any order and any number of
 * times: the same items leave the same state.
 */
export class Conversations {
  constructor(
    private readonly journal: Journal,
    private readonly userId: string,
    private readonly own: OwnMessages,
    private readonly unsent: Unsent,
    private readonly tell: Told,
  ) {}

  /** Takes a message of the feed into `changes`. A known one changes nothing but being recalled. */
  async stage(changes: Changes, message: messaging.Message): Promise<void> {
    const { peer, messageId, clientId } = message;
    const isOwn = message.from === this.userId && clientId !== '';
    const settled = isOwn ? await this.own.settle(changes, clientId) : undefined;
    const staged = await stageMessage(changes, message, settled ?? messageId);
    if (staged === undefined && settled === undefined) return;
    if (staged !== undefined) {
      const local = fromKept(staged.kept, peer, this.userId, await this.#theirs(changes, peer));
      const isShown = !staged.isNew || settled !== undefined;
      changes.after(() => (isShown ? this.tell.state(local) : this.tell.message(local)));
    }
    changes.after(() => this.tell.conversation(peer));
  }

  async stageRecall(changes: Changes, recall: messaging.Recall): Promise<void> {
    const { peer } = recall;
    const left = await stageRecall(changes, recall);
    if (left === undefined) return;
    const local = fromKept(left, peer, this.userId, await this.#theirs(changes, peer));
    changes.after(() => this.tell.state(local));
    changes.after(() => this.tell.conversation(peer));
  }

  async stageDeletion(changes: Changes, deletion: messaging.Deletion): Promise<void> {
    const dropped = await stageDeletion(changes, deletion);
    if (dropped !== undefined) this.#tellDeleted(changes, deletion.peer, [dropped]);
  }

  async stageReceipt(changes: Changes, receipt: messaging.Receipt): Promise<void> {
    const moved = await stageReceipt(changes, receipt);
    if (moved === undefined) return;
    const { peer, reader } = receipt;
    changes.after(() => this.tell.receipt(receipt));
    if (reader === this.userId) return changes.after(() => this.tell.conversation(peer));
    for await (const kept of above(changes, peer, moved.was.read)) {
      if (kept.from !== this.userId) continue;
      const local = fromKept(kept, peer, this.userId, moved.is);
      if (local.state !== fromKept(kept, peer, this.userId, moved.was).state) {
        changes.after(() => this.tell.state(local));
      }
    }
  }

  async stageSetting(changes: Changes, setting: messaging.ConversationSetting): Promise<void> {
    const { peer } = setting;
    const changed = await stageSetting(changes, setting);
    if (changed === undefined) return;
    if (changed.is.cleared > changed.was.cleared) {
      const dropped = await stageClearing(changes, peer, changed.is.cleared);
      if (dropped.length > 0) return this.#tellDeleted(changes, peer, dropped);
    }
    changes.after(() => this.tell.conversation(peer));
  }

  #tellDeleted(changes: Changes, peer: string, dropped: readonly KeptMessage[]): void {
    const messageIds = dropped.map(({ messageId }) => messageId);
    changes.after(() => this.tell.deleted(peer, messageIds));
    changes.after(() => this.tell.conversation(peer));
  }

  /** The newest `limit` lines of a conversation, oldest first; own ones without a position at the end. */
  async messages(peer: string, limit: number): Promise<LocalMessage[]> {
    const theirs = await this.#theirs(this.journal, peer);
    const placed = (await newest(this.journal, peer, limit)).map((kept) => fromKept(kept, peer, this.userId, theirs));
    return [...placed, ...this.own.pending(peer)].slice(-limit);
  }

  /** A message that this device keeps. */
  message(messageId: string): Promise<KeptMessage | undefined> {
    return messageById(this.journal, messageId);
  }

  /** Every conversation that has a line, a pin or a draft: pinned ones first, then the one with the newest line. */
  async list(): Promise<Conversation[]> {
    const [kept, set] = await Promise.all([peersWithMessages(this.journal), peersWithSettings(this.journal)]);
    const peers = new Set([...kept, ...set, ...this.unsent.drafted(), ...this.own.pending().map(({ peer }) => peer)]);
    const all = await Promise.all([...peers].map((peer) => this.conversation(peer)));
    const shown = all.filter(({ last, pinned, draft }) => last !== undefined || pinned || draft !== undefined);
    return shown.sort(
      (a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false) || (b.last?.timeMs ?? 0) - (a.last?.timeMs ?? 0),
    );
  }

  async conversation(peer: string): Promise<Conversation> {
    const [{ setting }, readPosition, last] = await Promise.all([
      settingOf(this.journal, peer),
      this.readPosition(this.journal, peer),
      this.#last(peer),
    ]);
    const { pinned, muted, saved } = setting;
    const draft = this.unsent.draft(peer) ?? setting.draft;
    return {
      peer,
      ...(await this.#unread(peer, readPosition)),
      ...(readPosition === 0 ? {} : { readPosition }),
      ...(last === undefined ? {} : { last }),
      ...(pinned ? { pinned } : {}),
      ...(muted ? { muted } : {}),
      ...(saved ? { saved } : {}),
      ...(draft === '' ? {} : { draft }),
    };
  }

  /** How far this user is, what the server does not know yet included. */
  async readPosition(kept: Kept, peer: string): Promise<number> {
    return Math.max((await progress(kept, peer, this.userId)).read, this.unsent.readPosition(peer));
  }

  /** Position of the newest message up to `upTo` that counts and is unread; undefined when all are read. */
  async newestUnread(kept: Kept, peer: string, upTo: number): Promise<number | undefined> {
    for await (const message of above(kept, peer, await this.readPosition(kept, peer))) {
      if (message.position <= upTo && counts(message, this.userId)) return message.position;
    }
    return undefined;
  }

  /** Of all that this device has of a conversation; 0 = nothing. */
  async newestPosition(peer: string): Promise<number> {
    return (await newest(this.journal, peer, 1))[0]?.position ?? 0;
  }

  async #last(peer: string): Promise<LocalMessage | undefined> {
    const [kept] = await newest(this.journal, peer, 1);
    const placed = kept && fromKept(kept, peer, this.userId, await this.#theirs(this.journal, peer));
    const written = this.own.pending(peer).at(-1);
    return written !== undefined && written.timeMs >= (placed?.timeMs ?? 0) ? written : placed;
  }

  async #unread(peer: string, readPosition: number): Promise<{ unread: number; mentioned?: true }> {
    let unread = 0;
    let mentioned = false;
    for await (const kept of above(this.journal, peer, readPosition)) {
      if (!counts(kept, this.userId)) continue;
      unread++;
      mentioned ||= mentions(kept, this.userId);
      if (unread === UNREAD_MAX) break;
    }
    return mentioned ? { unread, mentioned } : { unread };
  }

  async #theirs(kept: Kept, peer: string) {
    return peer === this.userId ? undefined : progress(kept, peer, peer);
  }
}
