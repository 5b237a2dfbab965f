import type { messaging } from '@magpie/contracts';
import { conversationOf, invalid, requireCount } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import { stateUpdate } from '@magpie/event-store';
import type { Collection } from '@magpie/mongo';
import { STATE_LIMITS } from '../domain/limits.js';
import { requirePosition } from '../domain/peer.js';
import { receiptIdOf } from '../domain/receipt.js';
import type { ReceiptDocument } from './mark-read.js';

/** Which messages of conversations of two have come to a device of who they are for: sync tells, which has seen it. */
export class MarkDelivered {
  constructor(
    private readonly receipts: Collection<ReceiptDocument>,
    /** A receipt has changed. */
    private readonly changed: () => void,
  ) {}

  /** A position below what is known changes nothing. Throws INVALID or TOO_LARGE. */
  async execute(marks: readonly messaging.MarkDeliveredRequest_Mark[]): Promise<void> {
    requireCount('marks', marks, { min: 1, max: STATE_LIMITS.marksPerRequestMax });
    const operations = marks.map(({ userId, peer, position }, k) => {
      if (!isIdOf('u', userId)) throw invalid(`marks[${k}].user_id`, 'a user id is expected');
      if (!isIdOf('u', peer)) throw invalid(`marks[${k}].peer`, 'a user id is expected');
      const delivered = { $max: ['$delivered', requirePosition(`marks[${k}].position`, position)] };
      const filter = { _id: receiptIdOf(conversationOf(userId, peer), userId) };
      return { updateOne: { filter, update: stateUpdate({ delivered }), upsert: true } };
    });
    const { modifiedCount, upsertedCount } = await this.receipts.bulkWrite(operations, { ordered: false });
    if (modifiedCount + upsertedCount > 0) this.changed();
  }
}
