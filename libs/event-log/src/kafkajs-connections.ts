import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

const require = createRequire(import.meta.url);

interface SocketRequest {
  timeoutHandler: () => void;
}

interface Connection {
  socket?: Socket | undefined;
  requestQueue: { createSocketRequest(request: unknown): SocketRequest };
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
}

const watched = new WeakSet<Connection>();
let applied = false;

/** Mends two faults of kafkajs 2.2.4 in how it lets go of connections. Applied once per process. */
export function mendConnections(): void {
  if (applied) return;
  applied = true;
  const { prototype } = require('kafkajs/src/network/connection') as { prototype: Connection };
  dropSilent(prototype);
  forgetClosed(prototype);
}

/**
 * It gives up a request that gets no answer, but not the connection that brought none: one whose other end is gone
 * without a word (a pulled cable, a forgotten NAT entry) would swallow one request after the other for ever. Now such a
 * connection is closed, and the next request makes a new one.
 */
function dropSilent(prototype: Connection): void {
  const original = prototype.connect;
  prototype.connect = function (this: Connection) {
    if (!watched.has(this)) {
      watched.add(this);
      watchRequests(this);
    }
    return original.call(this);
  };
}

function watchRequests(connection: Connection): void {
  const queue = connection.requestQueue;
  const create = queue.createSocketRequest.bind(queue);
  queue.createSocketRequest = (pushed) => {
    const request = create(pushed);
    const { socket } = connection;
    const { timeoutHandler } = request;
    request.timeoutHandler = () => {
      timeoutHandler();
      socket?.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
    };
    return request;
  };
}

/** It kept a closed socket and took leave of it on every further disconnect, each time with one more listener. */
function forgetClosed(prototype: Connection): void {
  const original = prototype.disconnect;
  prototype.disconnect = async function (this: Connection) {
    const { socket } = this;
    const result = await original.call(this);
    if (this.socket === socket) this.socket = undefined;
    return result;
  };
}
