import { status, type ClientDuplexStream, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { DrainedWriter } from './drained-writer.js';
import type { PeerStream } from './handlers.js';
import { MessageQueue } from './message-queue.js';
import { errorOf } from './status.js';

/** Dresses a raw stream: read from the start, so that its end is noticed even when nobody reads. */
export function peerStream<Request, Response>(
  stream: ClientDuplexStream<Request, Response>,
  peer: string,
): PeerStream<Request, Response> {
  const queue = new MessageQueue<Response>(stream);
  const writer = new DrainedWriter<Request>(stream);
  const over = Promise.withResolvers<Error | undefined>();
  let failure: ServiceError | undefined;
  let closing = false;
  stream.on('data', (message: Response) => queue.push(message));
  stream.on('error', (error: ServiceError) => (failure = error));
  stream.on('status', ({ code }: StatusObject) => {
    writer.close();
    queue.end();
    const inOrder = code === status.OK || closing || !failure;
    over.resolve(inOrder ? undefined : errorOf(failure as ServiceError, peer));
  });
  return {
    read: queue,
    write: (message) => writer.write(message),
    onClose: (listener) => void over.promise.then(listener),
    close() {
      closing = true;
      stream.cancel();
    },
  };
}
