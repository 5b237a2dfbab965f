import { connect } from 'node:net';
import { unavailable } from '@magpie/domain';
import { WebSocket } from 'ws';

const CONNECT_TIMEOUT_MS = 5000;

/** A connection that carries bytes, whatever carries it. */
export interface Pipe {
  readonly isOver: boolean;
  /** Called once, at once after opening. */
  listen(onBytes: (bytes: Uint8Array) => void, onClose: () => void): void;
  write(bytes: Uint8Array): void;
  /** Ends it at once, as a lost network does. */
  destroy(): void;
}

/** `address` is `host:port`, or `ws://…` for a WebSocket. Rejects with UNAVAILABLE. */
export function openPipe(address: string): Promise<Pipe> {
  return address.startsWith('ws:') ? openWebSocket(address) : openTcp(address);
}

function openTcp(address: string): Promise<Pipe> {
  const [host, port] = [address.slice(0, address.lastIndexOf(':')), Number(address.split(':').at(-1))];
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const failed = () => reject(unavailable(address));
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy());
    socket.once('close', failed).on('error', () => undefined);
    socket.once('connect', () => {
      socket.off('close', failed).setTimeout(0);
      resolve({
        get isOver() {
          return socket.destroyed;
        },
        listen: (onBytes, onClose) => void socket.on('data', onBytes).on('close', onClose),
        write: (bytes) => void socket.write(bytes),
        destroy: () => void socket.destroy(),
      });
    });
  });
}

function openWebSocket(address: string): Promise<Pipe> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address, { handshakeTimeout: CONNECT_TIMEOUT_MS, perMessageDeflate: false });
    const failed = () => reject(unavailable(address));
    socket.once('close', failed).on('error', () => undefined);
    socket.once('open', () => {
      socket.off('close', failed);
      resolve({
        get isOver() {
          return socket.readyState !== WebSocket.OPEN;
        },
        listen: (onBytes, onClose) => void socket.on('message', onBytes).on('close', onClose),
        write: (bytes) => void socket.send(bytes),
        destroy: () => void socket.terminate(),
      });
    });
  });
}
