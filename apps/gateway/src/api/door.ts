import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@magpie/observability';
import { Allowance, type Rates } from '../domain/allowance.js';
import { isLoopback } from '../domain/clear-text.js';
import { Corks } from './corks.js';
import { HttpListener, type HttpHandlers } from './http.listener.js';
import { Link, type LinkSocket } from './link.js';
import type { Links } from './links.js';
import type { LongLink } from './long-link.js';
import { metrics } from './metrics.js';
import type { ShortLink } from './short-link.js';
import { TcpListener, type Accept } from './tcp.listener.js';
import { WebSocketListener } from './websocket.listener.js';

const SWEEP_MS = 1000;
const DRAIN_POLL_MS = 20;

export interface DoorOptions {
  readonly host: string;
  readonly httpPort: number;
  readonly tcpPort: number;
  readonly linksMax: number;
  readonly linkRates: Rates;
  readonly drainMs: number;
  readonly reconnectSpreadMs: number;
}

/** Allowances of short-link connections, one per connection. */
export class ConnectionAllowances {
  private readonly known = new WeakMap<Socket, Allowance>();

  constructor(private readonly rates: Rates) {}

  readonly of = (socket: Socket): Allowance => {
    let allowance = this.known.get(socket);
    if (allowance === undefined) this.known.set(socket, (allowance = new Allowance(this.rates, Date.now())));
    return allowance;
  };
}

/** Which peers may send credentials: those on this machine, or all where clear text is allowed. */
export function trustOf(clearText: 'refuse' | 'allow'): (remoteAddress: string) => boolean {
  return clearText === 'allow' ? () => true : isLoopback;
}

/** Opens the ports, keeps the links, and closes them in good order. */
export class Door {
  private readonly corks = new Corks();
  private readonly tcp: TcpListener;
  private readonly http: HttpListener;
  private sweeper: NodeJS.Timeout | undefined;
  /** The ports that were given, once it is open. */
  ports = { http: 0, tcp: 0 };

  constructor(
    private readonly options: DoorOptions,
    private readonly parts: {
      links: Links;
      longLink: LongLink;
      shortLink: ShortLink;
      feeds: { unfollow(link: Link, userId: string): void };
      trusts: (remoteAddress: string) => boolean;
      logger: Logger;
    },
  ) {
    const accept: Accept = (socket, remoteAddress) => this.accept(socket, remoteAddress);
    const webSocket = new WebSocketListener(accept);
    this.tcp = new TcpListener(accept);
    const handlers: HttpHandlers = {
      request: (request, response) => parts.shortLink.handle(request, response),
      upgrade: (request, socket, head) => webSocket.upgrade(request, socket, head),
    };
    this.http = new HttpListener(handlers, options.linksMax);
  }

  async start(): Promise<void> {
    const { host, httpPort, tcpPort } = this.options;
    const http = await this.http.listen(host, httpPort);
    try {
      this.ports = { http, tcp: await this.tcp.listen(host, tcpPort) };
    } catch (error) {
      // A component that did not start is not stopped.
      this.http.close();
      throw error;
    }
    this.sweeper = setInterval(() => this.parts.links.sweep(performance.now()), SWEEP_MS).unref();
    this.parts.logger.info({ host, ...this.ports }, 'the gateway is open');
  }

  /** Sends everybody elsewhere, lets what is under way finish, then closes. */
  async stop(): Promise<void> {
    const { links } = this.parts;
    const { drainMs, reconnectSpreadMs } = this.options;
    clearInterval(this.sweeper);
    this.tcp.close();
    this.http.close();
    links.each((link) => link.redirect(randomInt(reconnectSpreadMs + 1)));
    const deadline = performance.now() + drainMs;
    // One turn at least, for the redirects to leave.
    do await delay(DRAIN_POLL_MS);
    while ((links.busy || this.http.busy) && performance.now() < deadline);
    links.each((link) => link.dismiss('drain'));
    this.http.cut();
  }

  private accept(socket: LinkSocket, remoteAddress: string): Link | undefined {
    const { links, longLink, trusts } = this.parts;
    if (links.count >= this.options.linksMax) {
      metrics.refused('links-max');
      return undefined;
    }
    const link = new Link({
      socket,
      trusted: trusts(remoteAddress),
      allowance: new Allowance(this.options.linkRates, Date.now()),
      corks: this.corks,
      serve: longLink.serve,
      closed: (ended, cause) => this.closed(ended, cause),
    });
    links.add(link);
    metrics.opened(socket.transport);
    return link;
  }

  private closed(link: Link, cause: string): void {
    this.parts.links.remove(link);
    if (link.identity !== undefined) this.parts.feeds.unfollow(link, link.identity.userId);
    metrics.closed(link.options.socket.transport, cause);
  }
}
