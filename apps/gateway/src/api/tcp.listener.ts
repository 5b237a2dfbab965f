import { createServer, type Server, type Socket } from 'node:net';
import type { Link, LinkSocket } from './link.js';
import { listen } from './listen.js';

/** A peer that does not take the last words within this is cut off. */
const END_WAIT_MS = 2000;

/** Makes the link of a new connection; undefined = there is no room. */
export type Accept = (socket: LinkSocket, remoteAddress: string) => Link | undefined;

/** The long link over plain TCP. */
export class TcpListener {
  private readonly server: Server;

  constructor(accept: Accept) {
    this.server = createServer({ noDelay: true, keepAlive: true }, (socket) => serve(socket, accept));
  }

  listen(host: string, port: number): Promise<number> {
    return listen(this.server, host, port);
  }

  /** No new connections; those that are open stay. */
  close(): void {
    this.server.close();
  }
}

function serve(socket: Socket, accept: Accept): void {
  const link = accept(tcpSocket(socket), socket.remoteAddress ?? '');
  socket.on('error', () => socket.destroy());
  if (link === undefined) return void socket.destroy();
  socket.on('data', (bytes) => link.received(bytes));
  socket.on('drain', () => link.drained());
  socket.on('close', () => link.close('peer'));
}

function tcpSocket(socket: Socket): LinkSocket {
  return {
    transport: 'tcp',
    get buffered() {
      return socket.writableLength;
    },
    write: (bytes) => void socket.write(bytes),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end() {
      // What still comes is read and dropped: closing over unread bytes would reset the connection under the last words.
      socket.resume();
      socket.end();
      setTimeout(() => socket.destroy(), END_WAIT_MS).unref();
    },
    destroy: () => void socket.destroy(),
  };
}
