import { gauge, type Logger } from '@magpie/observability';
import { extend, know, LOADING, momentary, type Chain, type Delivery } from '../domain/chain.js';
import type { NewRow } from '../domain/entry.js';
import { itemFor } from '../domain/item-bytes.js';
import { LIMITS } from '../domain/limits.js';
import type { Presence } from '../clients/push/presence.js';
import type { Feed, FeedListener, Feeds } from '../projections/feeds.js';
import type { TimelineReader } from '../queries/read-timeline.js';
import type { GatewayStream } from './gateway-stream.js';

const READ_RETRY_MS = 500;
const NO_ITEM = new Uint8Array(0);

/** One user that at least one gateway has attached. */
interface Attendee {
  readonly userId: string;
  readonly partition: number;
  /** Visible watermark at the first attach: the newest key is read as of it, what comes later extends the chain. */
  readonly asOf: number;
  chain: Chain;
  /** With the user's devices that have a link there; undefined = not told. */
  readonly streams: Map<GatewayStream, ReadonlySet<string> | undefined>;
}

const attendeesNow = gauge({ name: 'magpie_sync_attached_users_count', help: 'Users attached by some gateway' });

/** Who wants to know what attached users were given. */
export interface Handing {
  handed(userId: string, item: Uint8Array): void;
}

/** Who is attached, and what becomes visible for them: every new row → one delivery per attached user and stream. */
export class Audience implements FeedListener, Presence {
  readonly #attendees = new Map<string, Attendee>();
  readonly #streams = new Set<GatewayStream>();
  readonly #toRead: Attendee[] = [];
  readonly #retries = new Set<NodeJS.Timeout>();
  #reading = 0;

  constructor(
    private readonly feeds: Feeds,
    private readonly timeline: TimelineReader,
    private readonly handing: Handing,
    private readonly logger: Logger,
  ) {
    feeds.listen(this);
  }

  join(stream: GatewayStream): void {
    this.#streams.add(stream);
    for (const { partition, epoch } of this.feeds.serving()) stream.announce({ partition, epoch, owned: true });
  }

  leave(stream: GatewayStream): void {
    this.#streams.delete(stream);
    for (const attendee of this.#attendees.values()) this.#part(attendee, stream);
  }

  /** Users whose feed is not served here are passed over: the gateway learns of their owner by its announcement. */
  attach(stream: GatewayStream, userId: string): void {
    const feed = this.feeds.find(userId);
    if (feed === undefined) return;
    const attendee = this.#attendees.get(userId) ?? this.#admit(userId, feed);
    attendee.streams.set(stream, attendee.streams.get(stream));
    if (attendee.chain.status === 'Known') stream.attached(userId, attendee.chain.newest);
  }

  detach(stream: GatewayStream, userId: string): void {
    const attendee = this.#attendees.get(userId);
    if (attendee !== undefined) this.#part(attendee, stream);
  }

  /** Tells the users, where they are attached here, what is of this moment. */
  signal(users: readonly string[], item: Uint8Array): void {
    for (const userId of users) {
      const attendee = this.#attendees.get(userId);
      if (attendee !== undefined) deliver(attendee, momentary(userId, item));
    }
  }

  /** The devices of a user that have a link at a gateway. */
  devices(stream: GatewayStream, userId: string, deviceIds: readonly string[]): void {
    const streams = this.#attendees.get(userId)?.streams;
    if (streams?.has(stream)) streams.set(stream, new Set(deviceIds));
  }

  /** Where a gateway has not told a user's devices, any of them may be. */
  isOnline(userId: string, deviceId: string): boolean {
    for (const devices of this.#attendees.get(userId)?.streams.values() ?? []) {
      if (devices === undefined || devices.has(deviceId)) return true;
    }
    return false;
  }

  gained({ partition, epoch }: Feed): void {
    for (const stream of this.#streams) stream.announce({ partition, epoch, owned: true });
  }

  lost({ partition, epoch }: Feed): void {
    for (const attendee of this.#attendees.values()) {
      if (attendee.partition === partition) this.#attendees.delete(attendee.userId);
    }
    attendeesNow.set(this.#attendees.size);
    for (const stream of this.#streams) stream.announce({ partition, epoch, owned: false });
  }

  grown(_feed: Feed, rows: readonly NewRow[]): void {
    if (this.#attendees.size === 0) return;
    for (const row of rows) {
      for (const userId of row.users) {
        const attendee = this.#attendees.get(userId);
        if (attendee !== undefined) extendBy(attendee, row, this.handing);
      }
    }
  }

  close(): void {
    for (const retry of this.#retries) clearTimeout(retry);
    this.#toRead.length = 0;
    this.#attendees.clear();
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
    attendeesNow.set(0);
  }

  #admit(userId: string, feed: Feed): Attendee {
    const { partition, state } = feed;
    const attendee: Attendee = { userId, partition, asOf: state.visible, chain: LOADING, streams: new Map() };
    this.#attendees.set(userId, attendee);
    attendeesNow.set(this.#attendees.size);
    this.#toRead.push(attendee);
    this.#readMore();
    return attendee;
  }

  #part(attendee: Attendee, stream: GatewayStream): void {
    attendee.streams.delete(stream);
    if (attendee.streams.size > 0 || this.#attendees.get(attendee.userId) !== attendee) return;
    this.#attendees.delete(attendee.userId);
    attendeesNow.set(this.#attendees.size);
  }

  #readMore(): void {
    while (this.#reading < LIMITS.newestReadsMax && this.#toRead.length > 0) {
      const attendee = this.#toRead.shift()!;
      this.#reading++;
      void this.#read(attendee).finally(() => {
        this.#reading--;
        this.#readMore();
      });
    }
  }

  async #read(attendee: Attendee): Promise<void> {
    const { userId, partition, asOf } = attendee;
    if (this.#attendees.get(userId) !== attendee) return;
    try {
      await this.feeds.stored(partition, asOf);
      const newest = await this.timeline.newestKey({ userId, partition, after: 0, upTo: asOf });
      if (this.#attendees.get(userId) === attendee) tell(attendee, newest);
    } catch (err) {
      this.logger.warn({ err }, 'the newest key of an attached user could not be read; trying again');
      this.#retry(attendee);
    }
  }

  #retry(attendee: Attendee): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      this.#toRead.push(attendee);
      this.#readMore();
    }, READ_RETRY_MS);
    this.#retries.add(timer);
  }
}

function extendBy(attendee: Attendee, row: NewRow, handing: Handing): void {
  const { userId } = attendee;
  const { key, authorUserId, authorDeviceId } = row;
  // What was said before of the replaced item may be on its way still: without an item here, gateways let go of what
  // they hold, and the device pulls.
  const item = row.replacement === undefined ? itemFor(userId, row) : NO_ITEM;
  if (authorUserId !== userId) handing.handed(userId, item);
  const { chain, delivery } = extend(attendee.chain, {
    userId,
    key,
    item: item.length <= LIMITS.deliveryItemBytesMax ? item : NO_ITEM,
    authorDeviceId: authorUserId === userId ? authorDeviceId : '',
  });
  attendee.chain = chain;
  if (delivery !== undefined) deliver(attendee, delivery);
}

function tell(attendee: Attendee, newest: number): void {
  const { chain, deliveries } = know(attendee.chain, newest);
  attendee.chain = chain;
  for (const stream of attendee.streams.keys()) stream.attached(attendee.userId, newest);
  for (const delivery of deliveries) deliver(attendee, delivery);
}

function deliver(attendee: Attendee, delivery: Delivery): void {
  for (const stream of attendee.streams.keys()) stream.deliver(delivery);
}
