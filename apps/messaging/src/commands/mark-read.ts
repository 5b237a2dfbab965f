import type { messaging } from '@magpie/contracts';
import { stateUpdate, type StateDocument } from '@magpie/event-store';
import type { Collection } from '@magpie/mongo';
import { requireConversation, requirePosition } from '../domain/peer.js';
import { receiptIdOf, type Receipt } from '../domain/receipt.js';

export type ReceiptDocument = Receipt & StateDocument;

/** Where messages stand, as far as somebody may read them. */
export interface Places {
  /** Position of the newest message up to `position` that the user may read; 0 = none. Throws NOT_A_MEMBER, UNAVAILABLE. */
  upTo(userId: string, conversation: string, position: number): Promise<number>;
}

/** What burns by being read. */
export interface Burning {
  /** Resolves when the time of all that somebody's reading up to a position lights has begun, durably. */
  read(reader: string, conversation: string, upTo: number): Promise<void>;
}

/** How far somebody has read. */
export class MarkRead {
  constructor(
    private readonly receipts: Collection<ReceiptDocument>,
    private readonly places: Places,
    /** A receipt has changed. */
    private readonly changed: () => void,
    private readonly burning: Burning,
  ) {}

  /**
   * A receipt never claims what is not there: a position between messages, or behind the last, counts as that of the
   * message before it. Throws INVALID, NO_SUCH_PEER, NOT_A_MEMBER (of a group, ever), UNAVAILABLE.
   */
  async execute(userId: string, { peer, position }: messaging.MarkReadRequest): Promise<void> {
    const conversation = requireConversation(userId, peer);
    const read = await this.places.upTo(userId, conversation, requirePosition('position', position));
    if (read === 0) return;
    // Before it is told: what fails is asked for again.
    await this.burning.read(userId, conversation, read);
    const risen = { read: { $max: ['$read', read] }, delivered: { $max: ['$delivered', read] } };
    const update = stateUpdate(risen);
    const { modifiedCount, upsertedCount } = await this.receipts.updateOne(
      { _id: receiptIdOf(conversation, userId) },
      update,
      { upsert: true },
    );
    if (modifiedCount + upsertedCount > 0) this.changed();
  }
}
