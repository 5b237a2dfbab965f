import { MagpieError } from '../errors.js';
import type { LinkFactory } from '../ports.js';

/** The long link over the platform's own WebSocket (browsers and Node alike). */
export function webSocketLink(url: string): LinkFactory {
  return {
    name: 'ws',
    connect: (events, timeoutMs) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url);
        socket.binaryType = 'arraybuffer';
        let open = false;
        const fail = (reason: string): void => {
          clearTimeout(timer);
          if (open) events.closed(reason);
          else reject(new MagpieError('OFFLINE', reason));
        };
        const timer = setTimeout(() => {
          socket.close();
          fail(`no connection to ${url} within ${timeoutMs} ms`);
        }, timeoutMs);
        socket.addEventListener('open', () => {
          clearTimeout(timer);
          open = true;
          resolve({
            send: (bytes) => {
              if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
            },
            close: () => socket.close(),
          });
        });
        socket.addEventListener('message', ({ data }) => {
          if (data instanceof ArrayBuffer) events.data(new Uint8Array(data));
          else socket.close();
        });
        socket.addEventListener('error', () => fail(`no connection to ${url}`), { once: true });
        socket.addEventListener('close', () => fail('closed by the server'), { once: true });
      }),
  };
}
