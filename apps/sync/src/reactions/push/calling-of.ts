import { social, sync } from '@magpie/contracts';
import type { Row } from '../../domain/entry.js';
import { itemFor } from '../../domain/item-bytes.js';
import { REQUESTS, type Calling } from '../../domain/push/calling.js';

/** Fields of `sync.v1.Item` whose entries may call. */
const MESSAGE_FIELD = 2;
const RECALL_FIELD = 4;
const FRIEND_REQUEST_FIELD = 9;
const EVERYBODY = 'all';

/** Whether a row is looked at when it is judged who is called; told by what costs nothing. */
export function mayCall({ itemField }: Pick<Row, 'itemField'>): boolean {
  return itemField === MESSAGE_FIELD || itemField === FRIEND_REQUEST_FIELD || itemField === RECALL_FIELD;
}

/** What a row says to one of its users. */
export interface Heard {
  /** undefined: it calls nobody. */
  readonly calling: Calling | undefined;
  /** Id of the message that is taken back; '' = none. */
  readonly recalled: string;
}

const NOTHING: Heard = { calling: undefined, recalled: '' };

/** One's own doing, and what servers say in a conversation, calls nobody. */
export function heardBy(userId: string, row: Row): Heard {
  const { item } = sync.Item.decode(itemFor(userId, row));
  switch (item?.$case) {
    case 'message': {
      const { messageId, from, peer, serverTimeMs, content, mentions, recalled } = item.value;
      if (from === '' || from === userId || recalled) return NOTHING;
      const { $case: contentKind = '', value } = content?.content ?? {};
      const kind = mentions.includes(userId) || mentions.includes(EVERYBODY) ? 'mention' : 'message';
      const text = contentKind === 'text' ? (value as { text: string }).text : '';
      return said({ kind, peer, messageId, from, atMs: serverTimeMs, text, contentKind });
    }
    case 'friendRequest': {
      const { requestId, from, state, atMs, greeting } = item.value;
      if (from === userId || state !== social.FriendRequestItem_RequestState.PENDING) return NOTHING;
      return said({
        kind: 'request',
        peer: REQUESTS,
        messageId: requestId,
        from,
        atMs,
        text: greeting,
        contentKind: '',
      });
    }
    case 'recall':
      return { calling: undefined, recalled: item.value.messageId };
    default:
      return NOTHING;
  }
}

function said(calling: Calling): Heard {
  return { calling, recalled: '' };
}
