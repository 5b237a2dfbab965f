import { sync } from '@magpie/contracts';
import type { Collection } from '@magpie/mongo';
import { itemFor } from '../../domain/item-bytes.js';
import { itemIdOf, itemRowOf, type ItemDocument, type StoredItem } from '../../projections/items.js';
import { READ_OPTIONS } from '../../projections/timeline.js';

/** A conversation from the side of one user. */
export interface Side {
  readonly userId: string;
  readonly peer: string;
}

/** What sync holds of conversations and people, because every user's items pass through it. */
export interface Conversations {
  /** Those of `sides` that the user has muted, by `sideOf`. */
  mutedOf(sides: readonly Side[]): Promise<ReadonlySet<string>>;
  /** What the user calls a person or group; '' = not known. */
  namesOf(sides: readonly Side[]): Promise<ReadonlyMap<string, string>>;
}

export function sideOf({ userId, peer }: Side): string {
  return `${userId} ${peer}`;
}

/** Kinds of feed items (protocol.md, "Sync") and fields of `sync.v1.Item`. */
const SETTING = '1/8/conversation.';
const PROFILE = '1/7/profile.';
const CONTACT = '2/5/contact.';
const GROUP = '2/6/group.';

/** The answers of `view_item`. */
export class ItemConversations implements Conversations {
  constructor(private readonly items: Pick<Collection<ItemDocument>, 'find'>) {}

  async mutedOf(sides: readonly Side[]): Promise<ReadonlySet<string>> {
    const byId = new Map(sides.map((side) => [itemIdOf(side.userId, SETTING + side.peer), sideOf(side)]));
    const muted = new Set<string>();
    for (const [id, item] of await this.#read([...byId.keys()])) {
      if (item?.$case !== 'setting') continue;
      const { setting } = item.value;
      if (setting?.$case === 'conversation' && setting.value.muted) muted.add(byId.get(id)!);
    }
    return muted;
  }

  async namesOf(sides: readonly Side[]): Promise<ReadonlyMap<string, string>> {
    const items = await this.#read(sides.flatMap(namingItems));
    const named = sides.map((side) => {
      const names = namingItems(side).map((id) => nameIn(items.get(id)));
      return [sideOf(side), names.find((name) => name !== '') ?? ''] as const;
    });
    return new Map(named);
  }

  async #read(ids: string[]): Promise<Map<string, sync.Item['item']>> {
    const documents = await this.items.find<StoredItem>({ _id: { $in: ids } }, READ_OPTIONS).toArray();
    return new Map(documents.map((document) => [document._id, decoded(document)]));
  }
}

function decoded(document: StoredItem): sync.Item['item'] {
  const [userId] = document._id.split(' ', 1) as [string];
  return sync.Item.decode(itemFor(userId, itemRowOf(userId, document))).item;
}

/** The best name first: a remark, then what the person or group is called by all. */
function namingItems({ userId, peer }: Side): string[] {
  const [lower, higher] = userId < peer ? [userId, peer] : [peer, userId];
  return [
    itemIdOf(userId, `${CONTACT}${lower}.${higher}`),
    itemIdOf(userId, GROUP + peer),
    itemIdOf(userId, PROFILE + peer),
    itemIdOf(peer, PROFILE + peer),
  ];
}

function nameIn(item: sync.Item['item']): string {
  switch (item?.$case) {
    case 'contact':
      return item.value.remark;
    case 'group':
      return item.value.name;
    case 'profile':
      return item.value.nickname;
    default:
      return '';
  }
}
