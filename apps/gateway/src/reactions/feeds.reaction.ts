import type { sync } from '@magpie/contracts';
import { deferred, type Deferred } from '@magpie/domain';
import type { Identity } from '../domain/identity.js';
import { ATTACH_BATCH_MAX } from '../domain/limits.js';
import type { NoticeChain } from '../domain/notice-chain.js';
import { PartitionOwners } from '../domain/partition-owners.js';

/** A link that wants to hear of its user's feed. */
export interface Follower {
  readonly identity: Identity | undefined;
  readonly chain: NoticeChain;
  /** The chain has something to tell. */
  wake(): void;
  /** An encoded item that is of this moment, and of no feed. */
  signal(item: Uint8Array): void;
}

/** Towards the instances that own feeds. Sending to one that is not there does nothing. */
export interface FeedSender {
  send(address: string, request: sync.AttachRequest): void;
}

/** Key of a delivery that is of this moment, and no entry of a feed. */
const MOMENTARY = 0;

interface Feed {
  readonly userId: string;
  readonly followers: Set<Follower>;
  newest: number;
  /** Newest key that a device was said to hold. */
  held: number;
  /** Where the user is attached, or is being attached. */
  address: string | undefined;
  /** Settled by the first answer to an attach. */
  readonly attached: Deferred<void>;
  isAttached: boolean;
}

interface Outgoing {
  readonly attach: Set<string>;
  readonly detach: Set<string>;
  /** Users whose devices are told: those who are attached, and those whose devices have changed. */
  readonly devices: Set<string>;
  /** By user. */
  readonly held: Map<string, number>;
}

/** Follows the feeds of the users that have links here, at whichever instance owns them (machinery.md §4.7). */
export class Feeds {
  private readonly owners = new PartitionOwners();
  private readonly feeds = new Map<string, Feed>();
  private readonly byPartition = new Map<number, Set<Feed>>();
  private readonly outgoing = new Map<string, Outgoing>();

  constructor(private readonly sender: FeedSender) {}

  /** Address of the instance that serves the user now. */
  ownerOf(userId: string): string | undefined {
    return this.owners.ownerOf(userId);
  }

  /** Resolves when the newest key is known to the follower's chain. Following twice is harmless. */
  follow(follower: Follower, userId: string): Promise<void> {
    const feed = this.feeds.get(userId) ?? this.open(userId);
    feed.followers.add(follower);
    this.tellDevices(feed);
    if (feed.isAttached) follower.chain.attached(feed.newest);
    return feed.attached.promise;
  }

  unfollow(follower: Follower, userId: string): void {
    const feed = this.feeds.get(userId);
    if (feed === undefined || !feed.followers.delete(follower)) return;
    if (feed.followers.size > 0) return this.tellDevices(feed);
    this.feeds.delete(userId);
    this.partitionSet(feed)?.delete(feed);
    if (feed.address !== undefined) this.queue(feed.address, userId, 'detach');
  }

  /** A device of the user says that it holds all up to `key`: its owner is told, unless another one held it before. */
  held(userId: string, key: number): void {
    const feed = this.feeds.get(userId);
    if (feed?.address === undefined || key <= feed.held) return;
    feed.held = key;
    this.outgoingTo(feed.address).held.set(userId, key);
  }

  /** What an instance says. */
  message(address: string, response: sync.AttachResponse): void {
    if (this.owners.spread(response.partitions)) this.arrange();
    for (const ownership of response.ownerships) {
      if (this.owners.announce(address, ownership)) this.attachPartition(ownership.partition);
    }
    for (const attached of response.attached) this.attached(address, attached);
    for (const delivery of response.deliveries) this.delivered(address, delivery);
  }

  /** The stream to an instance is over. */
  gone(address: string): void {
    this.outgoing.delete(address);
    for (const partition of this.owners.gone(address)) this.attachPartition(partition);
  }

  private open(userId: string): Feed {
    const feed: Feed = {
      userId,
      followers: new Set(),
      newest: 0,
      held: 0,
      address: undefined,
      attached: deferred<void>(),
      isAttached: false,
    };
    this.feeds.set(userId, feed);
    this.partitionSet(feed)?.add(feed);
    this.attach(feed);
    return feed;
  }

  /** The number of partitions became known, or another. */
  private arrange(): void {
    this.byPartition.clear();
    for (const feed of this.feeds.values()) {
      this.partitionSet(feed)?.add(feed);
      feed.address = undefined;
    }
  }

  private attachPartition(partition: number): void {
    for (const feed of this.byPartition.get(partition) ?? []) this.attach(feed);
  }

  private attach(feed: Feed): void {
    const address = this.owners.ownerOf(feed.userId);
    const before = feed.address;
    feed.address = address;
    if (before !== undefined && before !== address) this.queue(before, feed.userId, 'detach');
    if (address !== undefined) this.queue(address, feed.userId, 'attach');
  }

  private attached(address: string, { userId, newestKey }: sync.AttachResponse_Attached): void {
    const feed = this.feeds.get(userId);
    if (feed === undefined || feed.address !== address) return;
    feed.newest = Math.max(feed.newest, newestKey);
    feed.isAttached = true;
    for (const follower of feed.followers) {
      follower.chain.attached(feed.newest);
      if (follower.chain.pending) follower.wake();
    }
    feed.attached.resolve();
  }

  private delivered(address: string, delivery: sync.AttachResponse_Delivery): void {
    const feed = this.feeds.get(delivery.userId);
    if (feed === undefined || feed.address !== address) return;
    const { previousKey, key, item, authorDeviceId } = delivery;
    if (key === MOMENTARY) {
      for (const follower of feed.followers) follower.signal(item);
      return;
    }
    feed.newest = Math.max(feed.newest, key);
    for (const follower of feed.followers) {
      const own = authorDeviceId !== '' && authorDeviceId === follower.identity?.deviceId;
      follower.chain.entry({ previousKey, key, item, own });
      if (follower.chain.pending) follower.wake();
    }
  }

  private partitionSet(feed: Feed): Set<Feed> | undefined {
    const partition = this.owners.partitionOf(feed.userId);
    if (partition === undefined) return undefined;
    let feeds = this.byPartition.get(partition);
    if (feeds === undefined) this.byPartition.set(partition, (feeds = new Set()));
    return feeds;
  }

  private tellDevices({ address, userId }: Feed): void {
    if (address !== undefined) this.outgoingTo(address).devices.add(userId);
  }

  private queue(address: string, userId: string, kind: 'attach' | 'detach'): void {
    const outgoing = this.outgoingTo(address);
    outgoing[kind === 'attach' ? 'detach' : 'attach'].delete(userId);
    outgoing[kind].add(userId);
    if (kind === 'attach') outgoing.devices.add(userId);
    else outgoing.devices.delete(userId);
  }

  /** What gathers in this turn of the event loop. */
  private outgoingTo(address: string): Outgoing {
    let outgoing = this.outgoing.get(address);
    if (outgoing === undefined) {
      outgoing = { attach: new Set(), detach: new Set(), devices: new Set(), held: new Map() };
      this.outgoing.set(address, outgoing);
      setImmediate(() => this.flush(address));
    }
    return outgoing;
  }

  private flush(address: string): void {
    const outgoing = this.outgoing.get(address);
    if (outgoing === undefined) return;
    this.outgoing.delete(address);
    const attach = [...outgoing.attach];
    const detach = [...outgoing.detach];
    // Those who are being attached stand first in both, so that nobody's devices come before their user.
    const devices = [...new Set([...attach, ...outgoing.devices])].map((userId) => this.devicesOf(userId));
    const held = [...outgoing.held].map(([userId, key]) => ({ userId, key }));
    const count = Math.max(attach.length, detach.length, devices.length, held.length);
    for (let at = 0; at < count; at += ATTACH_BATCH_MAX) {
      const partOf = <T>(all: readonly T[]): T[] => all.slice(at, at + ATTACH_BATCH_MAX);
      const part = { attach: partOf(attach), detach: partOf(detach), devices: partOf(devices), held: partOf(held) };
      this.sender.send(address, part);
    }
  }

  private devicesOf(userId: string): sync.AttachRequest_Devices {
    const followers = [...(this.feeds.get(userId)?.followers ?? [])];
    const deviceIds = new Set(followers.flatMap(({ identity }) => identity?.deviceId ?? []));
    return { userId, deviceIds: [...deviceIds] };
  }
}
