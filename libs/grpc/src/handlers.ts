import type { DuplexNames, GenericDefinition, RequestOf, ResponseOf, UnaryNames } from './definition.js';

/** Who asks, as the transport has verified it. */
export interface Caller {
  /** CLIENT: a user's command, brought by the gateway. SERVICE: another service on its own behalf. */
  readonly kind: 'CLIENT' | 'SERVICE';
  /** '' when there is none: open commands and services. */
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
  readonly requestId: string;
  /** When the caller stops waiting, in ms since the epoch. */
  readonly deadline: number;
  /** A handler sets `feedKey` when its body hands the newest key of the feed to the device. */
  readonly answer: { feedKey: number };
}

/** One function per unary method of a definition. */
export type Handlers<D extends GenericDefinition> = {
  readonly [K in UnaryNames<D>]: (request: RequestOf<D, K>, caller: Caller) => Promise<ResponseOf<D, K>>;
};

/** One function per method that streams both ways; the stream is ended when its promise settles. */
export type Streams<D extends GenericDefinition> = {
  readonly [K in DuplexNames<D>]: (stream: DuplexStream<RequestOf<D, K>, ResponseOf<D, K>>) => Promise<void>;
};

/** The serving end of a stream. */
export interface DuplexStream<Request, Response> {
  /** What arrives, in order; ends when the other side ends, the stream breaks or the server is closing. */
  readonly read: AsyncIterable<Request>;
  /** Resolves when the stream can take more; at once, dropping the message, after it has closed. Never rejects. */
  write(message: Response): Promise<void>;
  readonly caller: Caller;
  /** Resolves when the stream is over, for whatever reason, or the server is closing and the handler should end. */
  readonly closed: Promise<void>;
  /** Aborted when `closed` resolves. */
  readonly signal: AbortSignal;
}

/** The calling end of a stream. */
export interface PeerStream<Request, Response> {
  /** What arrives, in order; ends when the stream is over, however it ended (see `onClose`). */
  readonly read: AsyncIterable<Response>;
  /** Resolves when the stream can take more; at once, dropping the message, after it has closed. Never rejects. */
  write(message: Request): Promise<void>;
  /** Calls back once when the stream is over; with the error, if it did not end in order. */
  onClose(listener: (error: Error | undefined) => void): void;
  close(): void;
}

/** How a service calls another's unary methods. */
export type UnaryClient<D extends GenericDefinition> = {
  readonly [K in UnaryNames<D>]: (
    request: RequestOf<D, K>,
    options?: { readonly timeoutMs?: number; readonly requestId?: string },
  ) => Promise<ResponseOf<D, K>>;
};

/** A client command on its way to a service. */
export interface ExchangeCall {
  readonly command: number;
  readonly identity?: { readonly userId: string; readonly deviceId: string; readonly sessionId: string };
  readonly requestId: string;
  readonly timeoutMs: number;
  /** The request message, encoded. */
  readonly body: Uint8Array;
}

/** The one call path for client commands. */
export interface Exchange {
  /**
   * Resolves with the encoded response; `feedKey` is 0 when the body hands out none. Throws the DomainError that the
   * service answered; UNAVAILABLE when it is not reached, its stream breaks or the time is over; OVERLOADED when full.
   */
  call(item: ExchangeCall): Promise<{ body: Uint8Array; feedKey: number }>;
  /** Whether the window is closed: from 1 024 items or 4 MiB outstanding until a quarter of that is free again. */
  readonly full: boolean;
  /** Calls back each time the window opens again. */
  onRoom(listener: () => void): void;
}
