import type { Logger } from '@magpie/observability';
import kafkajs, { type ISocketFactory, type Kafka as KafkaClient, type LogEntry } from 'kafkajs';
import { connect } from 'node:net';
import { mendConnections } from './kafkajs-connections.js';
import { patchKafkajs } from './kafkajs-patch.js';

const { Kafka, KafkaJSError, KafkaJSNumberOfRetriesExceeded, logLevel } = kafkajs;

/** How kafkajs tries again by itself. */
export const RETRY = { initialRetryTime: 50, multiplier: 1.5, maxRetryTime: 500, retries: 8 };
const CONNECTION_TIMEOUT_MS = 1_000;
/** With the look at the log that a producer's connection waits for: about a dozen round trips. */
const ADMISSION_TIMEOUT_MS = 15_000;
/** A connection that leaves a request without an answer for longer is given up. */
const REQUEST_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 60_000;

export interface ClientOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly logger: Logger;
  /** How connections are made; default: plain TCP. */
  readonly socketFactory?: ISocketFactory | undefined;
  /** Asked about every new connection before anything is sent over it; a rejection closes it. */
  readonly admit?: () => Promise<void>;
  /** With `admit`: once aborted, nothing more leaves over any connection of this client. */
  readonly over?: AbortSignal;
}

/** A client of Kafka with the settings that were measured; what kafkajs calls an error is a warning here. */
export function kafkaClient(options: ClientOptions): KafkaClient {
  patchKafkajs();
  mendConnections();
  const { admit, over, socketFactory = plainTcp } = options;
  return new Kafka({
    clientId: options.clientId,
    brokers: [...options.brokers],
    connectionTimeout: admit ? ADMISSION_TIMEOUT_MS : CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    enforceRequestTimeout: true,
    retry: RETRY,
    socketFactory: admit ? admitted(socketFactory, admit, over) : socketFactory,
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => forward(options.logger, entry),
  });
}

/** Whether kafkajs says that Kafka does not answer, or not with what will stand: later it may. */
export function isAway(error: unknown): boolean {
  if (error instanceof KafkaJSNumberOfRetriesExceeded) return true;
  return error instanceof KafkaJSError && error.retriable;
}

const plainTcp: ISocketFactory = ({ host, port, onConnect }) =>
  connect({ host, port }, onConnect).setKeepAlive(true, KEEP_ALIVE_MS);

/** Sockets that kafkajs may use once `admit` has resolved, and until `over`. */
export function admitted(make: ISocketFactory, admit: () => Promise<void>, over?: AbortSignal): ISocketFactory {
  return (options) => {
    const socket = make({
      ...options,
      onConnect: () => {
        clearTimeout(late);
        const gone = () => socket.destroyed || socket.writableEnded;
        admit().then(
          // kafkajs may have given it up meanwhile.
          () => (gone() || over?.aborted ? undefined : options.onConnect()),
          (error: unknown) => socket.destroy(error instanceof Error ? error : new Error(String(error))),
        );
      },
    });
    const late = setTimeout(() => socket.destroy(new Error('connection timeout')), CONNECTION_TIMEOUT_MS);
    // Reset, so that what the kernel has not sent yet does not leave either.
    const cut = () => (socket.connecting ? socket.destroy(new Error('given up')) : socket.resetAndDestroy());
    over?.addEventListener('abort', cut, { once: true });
    socket.once('close', () => {
      clearTimeout(late);
      over?.removeEventListener('abort', cut);
    });
    if (over?.aborted) cut();
    return socket;
  };
}

function forward(logger: Logger, { level, namespace, log }: LogEntry): void {
  const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } = log;
  if (level === logLevel.ERROR) logger.warn({ kafkajs: namespace, ...fields }, message);
  else logger.debug({ kafkajs: namespace, ...fields }, message);
}
