import type { messaging } from '@magpie/contracts';
import type { Changes, Journal } from './journal.js';
import { fromKept, keep, type Conversation, type KeptMessage, type LocalMessage } from './local-message.js';

/** Messages kept per conversation on this device; older ones are asked of the server. */
export const MESSAGES_KEPT_MAX = 2000;
const TRIM_COUNT = 200;
const POSITION_DIGITS = 16;

interface ConversationRow {
  readonly unread: number;
  readonly kept: number;
  /** Positions up to this one were dropped here: what comes from there is old. */
  readonly floor: number;
  readonly last?: KeptMessage;
}

const EMPTY: ConversationRow = { unread: 0, kept: 0, floor: 0 };

/** What the outbox knows about own messages. */
export interface OwnMessages {
  /** The local id of the message with this client id when it is in the outbox; stages its removal from there. */
  settle(changes: Changes, clientId: string): Promise<string | undefined>;
  /** Own messages without a position, in the order they were written. */
  pending(peer?: string): LocalMessage[];
}

/** The messages that the feed has brought, by conversation; none is ever taken twice. */
export class Conversations {
  constructor(
    private readonly journal: Journal,
    private readonly userId: string,
    private readonly own: OwnMessages,
    private readonly tell: {
      message(message: LocalMessage): void;
      state(message: LocalMessage): void;
      conversation(peer: string): void;
    },
  ) {}

  /** Takes a message of the feed into `changes`. A known one changes nothing but being recalled. */
  async stage(changes: Changes, message: messaging.Message): Promise<void> {
    const { peer, position, messageId } = message;
    const key = messageKey(peer, position);
    const known = await changes.get<string>(`seen/${messageId}`);
    if (known !== undefined) return this.#stageKnown(changes, message, known);
    const row = (await changes.get<ConversationRow>(`conversation/${peer}`)) ?? EMPTY;
    if (position <= row.floor) return;
    const isOwn = message.from === this.userId;
    const settled = isOwn && message.clientId !== '' ? await this.own.settle(changes, message.clientId) : undefined;
    const kept = keep(message, settled ?? messageId);
    changes.put(key, kept);
    changes.put(`seen/${messageId}`, key);
    const trimmed = row.kept + 1 > MESSAGES_KEPT_MAX ? await this.#stageTrim(changes, peer) : undefined;
    const last = row.last === undefined || row.last.position < position ? kept : row.last;
    changes.put(`conversation/${peer}`, {
      unread: isOwn ? 0 : row.unread + 1,
      kept: row.kept + 1 - (trimmed?.count ?? 0),
      floor: trimmed?.floor ?? row.floor,
      last,
    } satisfies ConversationRow);
    const local = fromKept(kept, peer, this.userId);
    changes.after(() => (settled === undefined ? this.tell.message(local) : this.tell.state(local)));
    changes.after(() => this.tell.conversation(peer));
  }

  async #stageKnown(changes: Changes, message: messaging.Message, key: string): Promise<void> {
    const kept = await changes.get<KeptMessage>(key);
    if (kept === undefined || !message.recalled || kept.recalled) return;
    const recalled = keep(message, kept.id);
    changes.put(key, recalled);
    changes.after(() => this.tell.state(fromKept(recalled, message.peer, this.userId)));
  }

  async #stageTrim(changes: Changes, peer: string): Promise<{ count: number; floor: number }> {
    const oldest = await changes.list<KeptMessage>({ prefix: `message/${peer}/`, limit: TRIM_COUNT });
    for (const [key, { messageId }] of oldest) {
      changes.delete(key);
      changes.delete(`seen/${messageId}`);
    }
    return { count: oldest.length, floor: oldest.at(-1)?.[1].position ?? 0 };
  }

  /** The newest `limit` lines of a conversation, oldest first; own ones without a position at the end. */
  async messages(peer: string, limit: number): Promise<LocalMessage[]> {
    const kept = await this.journal.list<KeptMessage>({ prefix: `message/${peer}/`, limit, descending: true });
    const placed = kept.reverse().map(([, message]) => fromKept(message, peer, this.userId));
    return [...placed, ...this.own.pending(peer)].slice(-limit);
  }

  /** Every conversation, the one with the newest line first. */
  async list(): Promise<Conversation[]> {
    const rows = await this.journal.list<ConversationRow>({ prefix: 'conversation/' });
    const peers = new Set(rows.map(([key]) => key.slice('conversation/'.length)));
    for (const { peer } of this.own.pending()) peers.add(peer);
    const all = await Promise.all([...peers].map((peer) => this.conversation(peer)));
    return all.sort((a, b) => (b.last?.timeMs ?? 0) - (a.last?.timeMs ?? 0));
  }

  async conversation(peer: string): Promise<Conversation> {
    const row = (await this.journal.get<ConversationRow>(`conversation/${peer}`)) ?? EMPTY;
    const placed = row.last && fromKept(row.last, peer, this.userId);
    const written = this.own.pending(peer).at(-1);
    const last = written !== undefined && written.timeMs >= (placed?.timeMs ?? 0) ? written : placed;
    return { peer, unread: row.unread, ...(last === undefined ? {} : { last }) };
  }

  async markRead(peer: string): Promise<void> {
    await this.journal.update(async (changes) => {
      const row = await changes.get<ConversationRow>(`conversation/${peer}`);
      if (row === undefined || row.unread === 0) return;
      changes.put(`conversation/${peer}`, { ...row, unread: 0 } satisfies ConversationRow);
      changes.after(() => this.tell.conversation(peer));
    });
  }
}

function messageKey(peer: string, position: number): string {
  return `message/${peer}/${String(position).padStart(POSITION_DIGITS, '0')}`;
}
