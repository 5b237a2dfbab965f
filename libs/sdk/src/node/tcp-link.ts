import { connect as openSocket } from 'node:net';
import { MagpieError } from '../errors.js';
import type { LinkFactory } from '../ports.js';

/** The long link over TCP; `address` is `host:port`. */
export function tcpLink(address: string): LinkFactory {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(address.slice(colon + 1));
  return {
    name: 'tcp',
    connect: (events, timeoutMs) =>
      new Promise((resolve, reject) => {
        const socket = openSocket({ host, port, noDelay: true });
        let open = false;
        let reason = 'closed by the server';
        const timer = setTimeout(() => {
          reason = `no connection to ${address} within ${timeoutMs} ms`;
          socket.destroy();
        }, timeoutMs);
        socket.on('connect', () => {
          clearTimeout(timer);
          open = true;
          resolve({
            send: (bytes) => {
              if (socket.writable) socket.write(bytes);
            },
            close: () => socket.destroy(),
          });
        });
        socket.on('data', (bytes) => events.data(bytes));
        socket.on('error', (error) => (reason = error.message));
        socket.on('close', () => {
          clearTimeout(timer);
          if (open) events.closed(reason);
          else reject(new MagpieError('OFFLINE', reason));
        });
      }),
  };
}
