import kafkajs from 'kafkajs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

const require = createRequire(import.meta.url);

interface SocketRequest {
  timeoutHandler: () => void;
}

interface Connection {
  socket?: Socket | undefined;
  /** What came of an answer that is not whole yet. */
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  requestQueue: { createSocketRequest(request: unknown): SocketRequest };
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
}

const { KafkaJSConnectionError } = kafkajs;

const watched = new WeakSet<Connection>();
let applied = false;

/** Bytes that tell how long an answer is. */
const SIZE_BYTES = 4;

/** Mends four faults of kafkajs 2.2.4 in how it lets go of connections. Applied once per process. */
export function mendConnections(): void {
  if (applied) return;
  applied = true;
  const { prototype } = require('kafkajs/src/network/connection') as { prototype: Connection };
  beginAnew(prototype);
  forgetClosed(prototype);
}

/**
 * A connection that broke within an answer kept the first part of it and took what came over the next socket for the rest:
 * no answer was ever understood again.
 */
function beginAnew(prototype: Connection): void {
  const original = prototype.connect;
  prototype.connect = function (this: Connection) {
    if (!watched.has(this)) {
      watched.add(this);
      watchRequests(this);
    }
    if (this.isConnected()) return original.call(this);
    Object.assign(this, { chunks: [], bytesBuffered: 0, bytesNeeded: SIZE_BYTES });
    const connected = original.call(this);
    return this.socket ? orClosed(connected, this.socket) : connected;
  };
}

/** It told nobody when a socket was closed before it was of use, and let them wait for ever. */
function orClosed(connected: Promise<unknown>, socket: Socket): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connected.then(resolve, reject);
    socket.once('close', () => reject(new KafkaJSConnectionError('Closed before it was connected')));
  });
}

/**
 * It gives up a request that gets no answer, but not the connection that brought none: one whose other end is gone
 * without a word (a pulled cable, a forgotten NAT entry) would swallow one request after the other for ever. Now such a
 * connection is closed, and the next request makes a new one.
 */
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
    // One that is still being made would come alive later.
    if (socket?.connecting) socket.destroy();
    if (this.socket === socket) this.socket = undefined;
    return result;
  };
}
