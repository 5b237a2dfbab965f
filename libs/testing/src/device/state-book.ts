import type { messaging, social, sync } from '@magpie/contracts';

/** The states that a device was told last. It takes them as they come, also older ones after newer ones. */
export class StateBook {
  /** By group id. */
  readonly groups = new Map<string, messaging.Group>();
  /** By user id. */
  readonly contacts = new Map<string, social.Contact>();
  private readonly receipts = new Map<string, number>();
  private isWatched = false;
  private back = 0;

  /** States of groups older than what it had, since `watch`; none is counted once the device has begun anew. */
  get wentBack(): number {
    return this.back;
  }

  watch(): void {
    this.isWatched = true;
    this.back = 0;
  }

  /** Items that are no states are passed over. */
  take({ item }: sync.Item): void {
    if (item?.$case === 'group') this.keep(item.value);
    else if (item?.$case === 'contact') this.contacts.set(item.value.userId, item.value);
    else if (item?.$case === 'receipt') {
      this.receipts.set(`${item.value.peer} ${item.value.reader}`, item.value.readPosition);
    }
  }

  /** How far `reader` has read in the conversation with `peer`, as the device knows it by now; 0 = nothing. */
  readPosition(peer: string, reader: string): number {
    return this.receipts.get(`${peer} ${reader}`) ?? 0;
  }

  /** The device begins anew. */
  clear(): void {
    this.isWatched = false;
    for (const states of [this.groups, this.contacts, this.receipts]) states.clear();
  }

  private keep(group: messaging.Group): void {
    if (this.isWatched && group.version < (this.groups.get(group.groupId)?.version ?? 0)) this.back++;
    this.groups.set(group.groupId, group);
  }
}
