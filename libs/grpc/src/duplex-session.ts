import type { ServerDuplexStream } from '@grpc/grpc-js';
import { unavailable } from '@magpie/domain';
import type { Logger } from '@magpie/observability';
import { DrainedWriter } from './drained-writer.js';
import type { Caller, DuplexStream } from './handlers.js';
import { MessageQueue } from './message-queue.js';
import { isExpected, statusOf } from './status.js';

type Stream = ServerDuplexStream<unknown, unknown>;
type Handler = (stream: DuplexStream<unknown, unknown>) => Promise<void>;

/** One stream that a handler serves for as long as it lasts. */
export class DuplexSession {
  readonly #stream: Stream;
  readonly #queue: MessageQueue<unknown>;
  readonly #abort = new AbortController();
  readonly #closed = Promise.withResolvers<void>();

  constructor(options: { stream: Stream; handler: Handler; caller: Caller; method: string; logger: Logger }) {
    const { stream, handler, caller } = options;
    const queue = new MessageQueue<unknown>(stream);
    const writer = new DrainedWriter<unknown>(stream);
    this.#stream = stream;
    this.#queue = queue;
    const over = (): void => {
      queue.end();
      writer.close();
      this.#abort.abort();
      this.#closed.resolve();
    };
    stream.on('data', (message: unknown) => queue.push(message));
    stream.on('end', () => queue.end());
    stream.on('cancelled', over);
    stream.on('close', over);
    const served: DuplexStream<unknown, unknown> = {
      read: queue,
      write: (message) => writer.write(message),
      caller,
      closed: this.#closed.promise,
      signal: this.#abort.signal,
    };
    void this.#serve(handler, served, options).finally(over);
  }

  /** Asks the handler to come to its end. */
  drain(): void {
    this.#queue.end();
    this.#abort.abort(unavailable('this instance'));
    this.#closed.resolve();
  }

  async #serve(
    handler: Handler,
    served: DuplexStream<unknown, unknown>,
    { method, logger }: { method: string; logger: Logger },
  ): Promise<void> {
    try {
      await handler(served);
      this.#stream.end();
    } catch (error) {
      if (!isExpected(error)) logger.error({ err: error, method }, 'stream handler failed');
      this.#stream.emit('error', statusOf(error));
    }
  }
}
