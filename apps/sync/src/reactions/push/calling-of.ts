import { messaging, social, sync } from '@magpie/contracts';
import type { Row } from '../../domain/entry.js';
import { itemFor } from '../../domain/item-bytes.js';
import { REQUESTS, type Calling } from '../../domain/push/calling.js';

/** Fields of `sync.v1.Item` that are looked at: message, receipt, recall, friend request. */
const FIELDS = new Set([2, 3, 4, 9]);
const EVERYBODY = 'all';

/** Whether a row says anything of who is called; told by what costs nothing. */
export function mayCall({ itemField }: Pick<Row, 'itemField'>): boolean {
  return FIELDS.has(itemField);
}

/** What a row says to one of its users. */
export type Heard =
  | { readonly says: 'Call'; readonly calling: Calling }
  /** A message was taken back, or a request answered. */
  | { readonly says: 'Over'; readonly id: string }
  /** The user has read a conversation, at whichever device. */
  | { readonly says: 'Read'; readonly peer: string; readonly position: number }
  | { readonly says: 'Nothing' };

const NOTHING: Heard = { says: 'Nothing' };

/** One's own doing, and what servers say in a conversation, calls nobody. */
export function heardBy(userId: string, row: Row): Heard {
  const { item } = sync.Item.decode(itemFor(userId, row));
  switch (item?.$case) {
    case 'message':
      return inMessage(userId, row.key, item.value);
    case 'friendRequest': {
      const { requestId, from, state, atMs, greeting } = item.value;
      if (state !== social.FriendRequestItem_RequestState.PENDING) return { says: 'Over', id: requestId };
      if (from === userId) return NOTHING;
      const common = { kind: 'request', peer: REQUESTS, position: 0, key: row.key } as const;
      return {
        says: 'Call',
        calling: { ...common, messageId: requestId, from, atMs, text: greeting, contentKind: '' },
      };
    }
    case 'recall':
      return { says: 'Over', id: item.value.messageId };
    case 'receipt': {
      const { reader, peer, readPosition } = item.value;
      return reader === userId ? { says: 'Read', peer, position: readPosition } : NOTHING;
    }
    default:
      return NOTHING;
  }
}

function inMessage(userId: string, key: number, message: messaging.Message): Heard {
  const { messageId, from, peer, position, serverTimeMs, content, mentions, recalled } = message;
  if (from === '' || from === userId || recalled) return NOTHING;
  const { $case: contentKind = '' } = content?.content ?? {};
  const kind = mentions.includes(userId) || mentions.includes(EVERYBODY) ? 'mention' : 'message';
  const text = content?.content?.$case === 'text' ? content.content.value.text : '';
  return {
    says: 'Call',
    calling: { kind, peer, messageId, position, key, from, atMs: serverTimeMs, text, contentKind },
  };
}
