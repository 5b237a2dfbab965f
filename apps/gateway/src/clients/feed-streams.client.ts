import { setTimeout as delay } from 'node:timers/promises';
import { sync } from '@magpie/contracts';
import type { PeerStream, Peers } from '@magpie/grpc';
import type { Logger } from '@magpie/observability';

const RECONNECT_MIN_MS = 100;
/** An instance that comes back serves users at once: they wait for it as long as the gateways do. */
const RECONNECT_MAX_MS = 250;

type Stream = PeerStream<sync.AttachRequest, sync.AttachResponse>;

export interface FeedListener {
  message(address: string, response: sync.AttachResponse): void;
  gone(address: string): void;
}

/** One Attach stream to every sync instance, opened again whenever it ends. */
export class FeedStreams {
  private readonly streams = new Map<string, Stream>();
  private readonly stopping = new AbortController();
  private running: Promise<void>[] = [];

  constructor(
    private readonly peers: Pick<Peers, 'addresses' | 'duplex'>,
    private readonly logger: Logger,
  ) {}

  start(listener: FeedListener): void {
    this.running = this.peers.addresses('sync').map((address) => this.keepOpen(address, listener));
  }

  send(address: string, request: sync.AttachRequest): void {
    // Bounded by the users with links here; a stream that breaks drops it, and the next one starts anew.
    void this.streams.get(address)?.write(request);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    for (const stream of this.streams.values()) stream.close();
    await Promise.all(this.running);
  }

  private async keepOpen(address: string, listener: FeedListener): Promise<void> {
    let waitMs = RECONNECT_MIN_MS;
    let told = false;
    while (!this.stopping.signal.aborted) {
      const { heard, error } = await this.follow(address, listener);
      listener.gone(address);
      // One that is down for long is one line, not four a second.
      if (error !== undefined && (heard || !told)) this.logger.warn({ err: error, address }, 'a feed stream failed');
      told = error !== undefined;
      waitMs = heard ? RECONNECT_MIN_MS : Math.min(waitMs * 2, RECONNECT_MAX_MS);
      await delay(waitMs * (0.5 + Math.random()), undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  /** Answers whether the instance said anything, and how it failed, if it did. */
  private async follow(address: string, listener: FeedListener): Promise<{ heard: boolean; error?: unknown }> {
    const stream = this.peers.duplex('sync', address, sync.SyncServiceDefinition, 'attach');
    this.streams.set(address, stream);
    let heard = false;
    try {
      for await (const response of stream.read) {
        heard = true;
        listener.message(address, response);
      }
      return { heard };
    } catch (error) {
      return { heard, error };
    } finally {
      this.streams.delete(address);
      stream.close();
    }
  }
}
