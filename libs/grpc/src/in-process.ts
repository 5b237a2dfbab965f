import { duplexPair, type Duplex } from 'node:stream';
import { Metadata, status, type ClientDuplexStream, type ServerDuplexStream, type StatusObject } from '@grpc/grpc-js';

/** How a server takes a stream that was not made by a socket. */
export type Acceptor = (path: string, stream: AnyServerStream) => void;
export type AnyServerStream = ServerDuplexStream<unknown, unknown>;

type Ending = Partial<Pick<StatusObject, 'code' | 'details' | 'metadata'>>;

const acceptors = new Map<string, Acceptor>();

/** Streams to `address` from within this process go to `accept`, until the answered function is called. */
export function acceptAt(address: string, accept: Acceptor): () => void {
  acceptors.set(address, accept);
  return () => acceptors.get(address) === accept && acceptors.delete(address);
}

/**
 * A stream to a server of this same process, undefined when none listens at `address`. It behaves as one over a socket
 * does: the same events in the same order, the same credential check, pausing and back-pressure; only that messages
 * pass as they are, not encoded. Neither end may change a message that it has written or read.
 */
export function openInProcess<Request, Response>(
  address: string,
  path: string,
  metadata: Metadata,
): ClientDuplexStream<Request, Response> | undefined {
  const accept = acceptors.get(address);
  if (!accept) return undefined;
  const [client, server] = duplexPair({ objectMode: true });
  let over = false;
  let ending: Ending = { code: status.OK };
  const finish = ({ code = status.UNKNOWN, details = '', metadata: trailer = new Metadata() }: Ending): void => {
    if (over) return;
    over = true;
    const told: StatusObject = { code, details, metadata: trailer };
    if (code !== status.OK) client.emit('error', Object.assign(new Error(details), told));
    client.emit('status', told);
    client.destroy();
    server.destroy();
  };
  // What was written before an error still arrives before it.
  server.on('error', (error: Ending) => {
    ending = error;
    server.end();
  });
  server.on('close', () => finish({ code: status.UNAVAILABLE, details: 'the other side went' }));
  client.on('end', () => finish(ending));
  const cancel = (): void => {
    if (over) return;
    server.emit('cancelled', 'cancelled');
    finish({ code: status.CANCELLED, details: 'cancelled' });
  };
  // Once both ends listen.
  setImmediate(() => over || accept(path, asServerStream(server, client, metadata)));
  return Object.assign(client, { cancel }) as unknown as ClientDuplexStream<Request, Response>;
}

function asServerStream(server: Duplex, client: Duplex, metadata: Metadata): AnyServerStream {
  const sendMetadata = (sent: Metadata): void => void client.emit('metadata', sent);
  const getDeadline = (): number => Infinity;
  return Object.assign(server, { metadata, sendMetadata, getDeadline }) as unknown as AnyServerStream;
}
