import { setTimeout as delay } from 'node:timers/promises';
import { sync } from '@magpie/contracts';
import type { PeerStream, Peers } from '@magpie/grpc';
import type { Logger } from '@magpie/observability';

const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 2000;

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
    while (!this.stopping.signal.aborted) {
      const heard = await this.follow(address, listener);
      listener.gone(address);
      waitMs = heard ? RECONNECT_MIN_MS : Math.min(waitMs * 2, RECONNECT_MAX_MS);
      await delay(waitMs * (0.5 + Math.random()), undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  /** Answers whether the instance said anything. */
  private async follow(address: string, listener: FeedListener): Promise<boolean> {
    const stream = this.peers.duplex('sync', address, sync.SyncServiceDefinition, 'attach');
    this.streams.set(address, stream);
    let heard = false;
    try {
      for await (const response of stream.read) {
        heard = true;
        listener.message(address, response);
      }
    } catch (err) {
      this.logger.warn({ err, address }, 'a feed stream failed');
    } finally {
      this.streams.delete(address);
      stream.close();
    }
    return heard;
  }
}
