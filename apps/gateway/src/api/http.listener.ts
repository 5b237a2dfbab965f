import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { listen } from './listen.js';

const KEEP_ALIVE_MS = 65_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** A connection on which nothing moves, in either direction, is closed. */
const SILENCE_MS = 70_000;

export interface HttpHandlers {
  /** Must not reject. */
  request(request: IncomingMessage, response: ServerResponse): Promise<void>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** One port for the short link and WebSocket. */
export class HttpListener {
  private readonly server: Server;
  private closing = false;
  private underWay = 0;

  constructor(handlers: HttpHandlers, connectionsMax: number) {
    const timeouts = {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    };
    this.server = createServer(timeouts, (request, response) => {
      if (this.closing) response.setHeader('Connection', 'close');
      this.underWay++;
      response.once('close', () => this.underWay--);
      void handlers.request(request, response);
    });
    this.server.maxConnections = connectionsMax;
    this.server.setTimeout(SILENCE_MS);
    this.server.on('upgrade', handlers.upgrade);
  }

  /** Whether a request is not answered yet. */
  get busy(): boolean {
    return this.underWay > 0;
  }

  listen(host: string, port: number): Promise<number> {
    return listen(this.server, host, port);
  }

  /** No new connections; idle ones are closed, busy ones after their answer. */
  close(): void {
    this.closing = true;
    this.server.close();
    this.server.closeIdleConnections();
  }

  /** Cuts off what is left. */
  cut(): void {
    this.server.closeAllConnections();
  }
}
