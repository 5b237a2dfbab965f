import type { messaging } from '@magpie/contracts';
import type { Changes, Kept } from './journal.js';
import { keep, withoutContent, type KeptMessage } from './local-message.js';

/** Messages kept per conversation on this device; older ones are asked of the server. */
export const MESSAGES_KEPT_MAX = 2000;
const TRIM_COUNT = 200;
const POSITION_DIGITS = 16;
/** Messages looked at in one go when they are gone through from the newest on. */
const STRETCH = 100;
/** In the place of a message's key: this user has deleted it. */
const DELETED = 'deleted';

interface ConversationRow {
  readonly kept: number;
  /** Positions up to this one were dropped here: what comes from there is old. */
  readonly floor: number;
}

const EMPTY: ConversationRow = { kept: 0, floor: 0 };
const ROW = 'conversation/';
const rowKey = (peer: string): string => ROW + peer;
const messagesOf = (peer: string): string => `message/${peer}/`;
const messageKey = (peer: string, position: number): string =>
  messagesOf(peer) + String(position).padStart(POSITION_DIGITS, '0');
const seenKey = (messageId: string): string => `seen/${messageId}`;
const recalledKey = (messageId: string): string => `recalled/${messageId}`;

/** Takes a message. Answers it as it is kept now; undefined when that changes nothing. */
export async function stageMessage(
  changes: Changes,
  message: messaging.Message,
  id: string,
): Promise<{ kept: KeptMessage; isNew: boolean } | undefined> {
  const { peer, position, messageId } = message;
  const key = await changes.get<string>(seenKey(messageId));
  if (key !== undefined) {
    const known = key === DELETED ? undefined : await changes.get<KeptMessage>(key);
    if (known === undefined || !message.recalled || known.recalled) return undefined;
    const kept = withoutContent(known, undefined);
    changes.put(messageKey(peer, position), kept);
    return { kept, isNew: false };
  }
  const row = (await changes.get<ConversationRow>(rowKey(peer))) ?? EMPTY;
  if (position <= row.floor) return undefined;
  const recall = await changes.get<{ by: string }>(recalledKey(messageId));
  if (recall !== undefined) changes.delete(recalledKey(messageId));
  const kept = recall === undefined ? keep(message, id) : withoutContent(keep(message, id), recall.by);
  changes.put(messageKey(peer, position), kept);
  changes.put(seenKey(messageId), messageKey(peer, position));
  const trimmed = row.kept + 1 > MESSAGES_KEPT_MAX ? await stageTrim(changes, peer) : undefined;
  changes.put(rowKey(peer), {
    kept: row.kept + 1 - (trimmed?.count ?? 0),
    floor: trimmed?.floor ?? row.floor,
  } satisfies ConversationRow);
  return { kept, isNew: true };
}

/** Takes a message's content away, also of one that is still to come. Answers what is left; undefined when there is nothing here. */
export async function stageRecall(changes: Changes, recall: messaging.Recall): Promise<KeptMessage | undefined> {
  const { peer, messageId, position, by } = recall;
  const key = await changes.get<string>(seenKey(messageId));
  if (key === DELETED) return undefined;
  if (key === undefined) {
    const { floor } = (await changes.get<ConversationRow>(rowKey(peer))) ?? EMPTY;
    if (position > floor) changes.put(recalledKey(messageId), { by });
    return undefined;
  }
  const known = await changes.get<KeptMessage>(key);
  if (known === undefined || known.recalledBy === by) return undefined;
  const left = withoutContent(known, by);
  changes.put(key, left);
  return left;
}

/** Drops a message for good, also one that is still to come. Answers it if it was here. */
export async function stageDeletion(
  changes: Changes,
  { peer, messageId, position }: messaging.Deletion,
): Promise<KeptMessage | undefined> {
  const key = await changes.get<string>(seenKey(messageId));
  if (key === DELETED) return undefined;
  const row = (await changes.get<ConversationRow>(rowKey(peer))) ?? EMPTY;
  changes.delete(recalledKey(messageId));
  if (position > row.floor || key !== undefined) changes.put(seenKey(messageId), DELETED);
  if (key === undefined) return undefined;
  const known = await changes.get<KeptMessage>(key);
  changes.delete(key);
  changes.put(rowKey(peer), { ...row, kept: row.kept - 1 } satisfies ConversationRow);
  return known;
}

/** Drops all messages up to a position for good. Answers those that were here. */
export async function stageClearing(changes: Changes, peer: string, upTo: number): Promise<KeptMessage[]> {
  const row = (await changes.get<ConversationRow>(rowKey(peer))) ?? EMPTY;
  const found = await changes.list<KeptMessage>({ prefix: messagesOf(peer), before: messageKey(peer, upTo + 1) });
  stageDrop(changes, found);
  const floor = Math.max(row.floor, upTo);
  changes.put(rowKey(peer), { kept: row.kept - found.length, floor } satisfies ConversationRow);
  return found.map(([, message]) => message);
}

async function stageTrim(changes: Changes, peer: string): Promise<{ count: number; floor: number }> {
  const oldest = await changes.list<KeptMessage>({ prefix: messagesOf(peer), limit: TRIM_COUNT });
  stageDrop(changes, oldest);
  return { count: oldest.length, floor: oldest.at(-1)?.[1].position ?? 0 };
}

function stageDrop(changes: Changes, dropped: readonly (readonly [key: string, message: KeptMessage])[]): void {
  for (const [key, { messageId }] of dropped) {
    changes.delete(key);
    changes.delete(seenKey(messageId));
  }
}

/** The newest `limit` messages of a conversation, oldest first. */
export async function newest(kept: Kept, peer: string, limit: number): Promise<KeptMessage[]> {
  const found = await kept.list<KeptMessage>({ prefix: messagesOf(peer), limit, descending: true });
  return found.reverse().map(([, message]) => message);
}

/** The messages of a conversation above a position, the newest first. */
export async function* above(kept: Kept, peer: string, position: number): AsyncGenerator<KeptMessage> {
  let before: { before: string } | undefined;
  // Most often the newest one says that there is none.
  for (let limit = 1; ; limit = STRETCH) {
    const range = { prefix: messagesOf(peer), limit, descending: true };
    const found = await kept.list<KeptMessage>({ ...range, ...before });
    for (const [, message] of found) {
      if (message.position <= position) return;
      yield message;
    }
    if (found.length < limit) return;
    before = { before: found.at(-1)![0] };
  }
}

/** A message that is here, by its id. */
export async function messageById(kept: Kept, messageId: string): Promise<KeptMessage | undefined> {
  const key = await kept.get<string>(seenKey(messageId));
  return key === undefined || key === DELETED ? undefined : kept.get<KeptMessage>(key);
}

/** The conversations that messages are kept of. */
export async function peersWithMessages(kept: Kept): Promise<string[]> {
  const rows = await kept.list<ConversationRow>({ prefix: ROW });
  return rows.filter(([, row]) => row.kept > 0).map(([key]) => key.slice(ROW.length));
}
