import type { Collection } from '@magpie/mongo';
import { deviceIdOf, type DeviceDocument } from '../../queries/push/stored.js';
import type { NewCall } from './call-queue.js';

/**
 * What a device shows as unread while it is away: the entries that it was called for since it last asked for its feed.
 * Keys are feed keys.
 */
export class Badges {
  constructor(private readonly devices: Collection<DeviceDocument>) {}

  /** Counts each call once, however often it is told. */
  async raise(calls: readonly NewCall[]): Promise<void> {
    const byDevice = new Map<string, { count: number; key: number }>();
    for (const { userId, deviceId, count, key } of calls) {
      const id = deviceIdOf(userId, deviceId);
      const before = byDevice.get(id);
      byDevice.set(id, { count: (before?.count ?? 0) + count, key: Math.max(before?.key ?? 0, key) });
    }
    if (byDevice.size === 0) return;
    const operations = [...byDevice].map(([_id, { count, key }]) => ({
      updateOne: { filter: { _id, k: { $lt: key } }, update: { $inc: { n: count }, $set: { k: key } } },
    }));
    await this.devices.bulkWrite(operations, { ordered: false });
  }

  /** The device has seen its feed up to `key`. */
  async clear(seen: readonly { userId: string; deviceId: string; key: number }[]): Promise<void> {
    if (seen.length === 0) return;
    const operations = seen.map(({ userId, deviceId, key }) => ({
      updateOne: { filter: { _id: deviceIdOf(userId, deviceId) }, update: { $set: { n: 0 }, $max: { k: key } } },
    }));
    await this.devices.bulkWrite(operations, { ordered: false });
  }
}
