import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { FRAME_LENGTH_MAX, HEADER_LENGTH } from '@magpie/wire';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Link, LinkSocket } from './link.js';
import type { Accept } from './tcp.listener.js';

const PATH = '/ws';
/** A peer that does not answer a close within this is cut off. */
const CLOSE_WAIT_MS = 2000;
const CLOSE = { normal: 1000, notBinary: 1003, overloaded: 1013 } as const;

/** The long link over WebSocket: one binary message holds one or more whole frames. */
export class WebSocketListener {
  private readonly server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: FRAME_LENGTH_MAX,
  });

  constructor(private readonly accept: Accept) {}

  /** For the HTTP server's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (request.url?.split('?', 1)[0] !== PATH) {
      return void socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    }
    const remoteAddress = request.socket.remoteAddress ?? '';
    this.server.handleUpgrade(request, socket, head, (ws) => this.serve(ws, socket, remoteAddress));
  }

  private serve(ws: WebSocket, socket: Duplex, remoteAddress: string): void {
    const link = this.accept(webSocket(ws, socket), remoteAddress);
    ws.on('error', () => ws.terminate());
    if (link === undefined) return ws.close(CLOSE.overloaded);
    ws.on('message', (data: Buffer, isBinary) => receive(link, ws, data, isBinary));
    socket.on('drain', () => link.drained());
    ws.on('close', () => link.close('peer'));
  }
}

function receive(link: Link, ws: WebSocket, data: Buffer, isBinary: boolean): void {
  if (!isBinary) {
    ws.close(CLOSE.notBinary);
    return link.close('text-message');
  }
  if (!endsWithFrame(data)) return link.close('cut-frame');
  link.received(data);
}

/** Whether the last frame ends where the message ends; a length that no frame has is left to the decoder. */
function endsWithFrame(data: Buffer): boolean {
  let at = 0;
  while (at < data.length) {
    if (data.length - at < HEADER_LENGTH) return false;
    const length = data.readUInt32BE(at);
    if (length < HEADER_LENGTH || length > FRAME_LENGTH_MAX) return true;
    at += length;
  }
  return at === data.length;
}

function webSocket(ws: WebSocket, socket: Duplex): LinkSocket {
  return {
    transport: 'websocket',
    get buffered() {
      return ws.bufferedAmount;
    },
    write: (bytes) => ws.send(bytes),
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    end() {
      // The peer's close has to be read.
      ws.resume();
      ws.close(CLOSE.normal);
      setTimeout(() => socket.destroy(), CLOSE_WAIT_MS).unref();
    },
    destroy: () => ws.terminate(),
  };
}
