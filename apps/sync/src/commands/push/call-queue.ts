import { hash } from 'node:crypto';
import type { Collection, Document } from '@magpie/mongo';
import { LIMITS } from '../../domain/limits.js';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import { callIdOf, callsOf, callsOfUser, type CallContent, type CallDocument } from '../../queries/push/stored.js';

/** What one device is to be called for. */
export interface NewCall {
  readonly userId: string;
  readonly deviceId: string;
  readonly peer: string;
  readonly kind: CallDocument['kind'];
  /** Feed keys of the entries, rising; not none. */
  readonly keys: readonly number[];
  /** Of the last entry. */
  readonly messageId: string;
  readonly position: number;
  readonly content: CallContent | undefined;
}

/** A call that a worker has to itself. */
export type ClaimedCall = Readonly<CallDocument> & { readonly claim: string };

const NAME_LENGTH = 32;
/** There is no push to be made. */
const NO_PUSH = { due: '', claim: '', c: '' } as const;

/**
 * What devices are called for: one document per device and conversation, so that whatever comes in an outage becomes one
 * push. Times are given in ms since 1970.
 */
export class CallQueue {
  constructor(private readonly calls: Collection<CallDocument>) {}

  /** Durable when it resolves. What was put before changes nothing. */
  async put(calls: readonly NewCall[], now: number): Promise<void> {
    if (calls.length === 0) return;
    const operations = calls.map((call) => ({
      updateOne: {
        filter: { _id: callIdOf(call.userId, call.deviceId, call.peer) },
        update: [withNew(call, now)],
        upsert: true,
      },
    }));
    await this.calls.bulkWrite(operations, { ordered: false });
  }

  /** At most `limit` calls that are due, for `leaseMs`; who does not say by then what became of them loses them. */
  async claim(limit: number, claim: string, now: number): Promise<ClaimedCall[]> {
    const due = await this.calls
      .find({ due: { $lte: new Date(now) } }, { sort: { due: 1 }, limit, projection: { due: 1 } })
      .toArray();
    if (due.length === 0) return [];
    const leased = new Date(now + PUSH_LIMITS.leaseMs);
    const operations = due.map(({ _id, due: before }) => ({
      updateOne: {
        filter: { _id, due: before! },
        update: { $set: { due: leased, claim }, $inc: { tries: 1, unsure: 1 } },
      },
    }));
    await this.calls.bulkWrite(operations, { ordered: false });
    const ids = due.map(({ _id }) => _id);
    return (await this.calls.find({ _id: { $in: ids }, claim }).toArray()) as ClaimedCall[];
  }

  /** What a device has been called for and has not seen. */
  async badgeOf({ u, d }: Pick<CallDocument, 'u' | 'd'>): Promise<number> {
    const unseen = this.calls.aggregate<{ sum: number }>([
      { $match: { _id: callsOf(u, d) } },
      { $group: { _id: null, sum: { $sum: '$b' } } },
    ]);
    return (await unseen.toArray())[0]?.sum ?? 0;
  }

  /** The next one of its name rests for a while. */
  async made({ _id, claim }: ClaimedCall, now: number): Promise<void> {
    const rest = new Date(now + PUSH_LIMITS.restMs);
    await this.calls.updateOne({ _id, claim }, { $set: { rest }, $unset: NO_PUSH });
  }

  /** To be tried again at `due`; `isUnsure`: nobody knows whether it was made. */
  async again({ _id, claim, unsure }: ClaimedCall, due: number, isUnsure: boolean): Promise<void> {
    const fields = { due: new Date(due), unsure: isUnsure ? unsure : unsure - 1 };
    await this.calls.updateOne({ _id, claim }, { $set: fields, $unset: { claim: '' } });
  }

  /** It was not tried. */
  async putBack({ _id, claim, tries, unsure }: ClaimedCall, due: number): Promise<void> {
    const fields = { due: new Date(due), tries: tries - 1, unsure: unsure - 1 };
    await this.calls.updateOne({ _id, claim }, { $set: fields, $unset: { claim: '' } });
  }

  /** It is not made; the entries stay unseen. */
  async drop({ _id, claim }: ClaimedCall): Promise<void> {
    await this.calls.updateOne({ _id, claim }, { $unset: NO_PUSH });
  }

  /** Devices have seen their feeds up to these keys. */
  async seen(devices: readonly { userId: string; deviceId: string; key: number }[]): Promise<void> {
    if (devices.length === 0) return;
    const operations = devices.map(({ userId, deviceId, key }) => ({
      deleteMany: { filter: { _id: callsOf(userId, deviceId), k: { $lte: key } } },
    }));
    await this.calls.bulkWrite(operations, { ordered: false });
  }

  /** The user has read a conversation up to a position, at whichever device. */
  async read(ids: readonly string[], position: number): Promise<void> {
    await this.calls.deleteMany({ _id: { $in: [...ids] }, x: { $lte: position, $gt: 0 } });
  }

  /** A message was taken back, or a request answered: it calls nobody, and nothing of it is shown. */
  async over(userId: string, messageId: string): Promise<void> {
    const last = { _id: callsOfUser(userId), m: messageId };
    await this.calls.deleteMany({ ...last, b: 1 });
    await this.calls.updateMany(last, { $set: { m: '' }, $unset: { c: '' }, $inc: { b: -1 } });
  }
}

/** A later push of the same name takes the place of an earlier one: the name of a conversation, which tells nothing of it. */
export function nameOf({ u, p }: Pick<CallDocument, 'u' | 'p'>): string {
  return hash('sha256', `${u} ${p}`, 'base64url').slice(0, NAME_LENGTH);
}

function withNew(call: NewCall, now: number): Document {
  const { userId, deviceId, peer, kind, keys, messageId, position, content } = call;
  const key = keys.at(-1)!;
  const waits = { $ne: [{ $type: '$due' }, 'missing'] };
  const underWay = { $ne: [{ $type: '$claim' }, 'missing'] };
  const unknown = { $filter: { input: [...keys], cond: { $gt: ['$$this', { $ifNull: ['$k', 0] }] } } };
  const count = { $size: unknown };
  const fresh = {
    _id: '$_id',
    u: { $literal: userId },
    d: { $literal: deviceId },
    p: { $literal: peer },
    k: key,
    m: { $literal: messageId },
    x: position,
    b: { $add: [{ $ifNull: ['$b', 0] }, count] },
    n: { $add: [{ $cond: [waits, '$n', 0] }, count] },
    kind: { $cond: [{ $and: [waits, { $eq: ['$kind', 'mention'] }] }, 'mention', kind] },
    due: { $cond: [underWay, new Date(now + PUSH_LIMITS.restMs), { $max: [new Date(now), '$rest'] }] },
    until: new Date(now + PUSH_LIMITS.expiryMs),
    gone: new Date(now + LIMITS.keptMs),
    tries: 0,
    unsure: 0,
    ...(content === undefined ? {} : { c: { $literal: content } }),
  };
  return { $replaceWith: { $cond: [{ $gte: ['$k', key] }, '$$ROOT', fresh] } };
}
