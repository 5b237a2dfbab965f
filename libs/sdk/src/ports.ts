/** Time as the SDK sees it: tests bring their own. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Runs once after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** Chance as the SDK sees it. */
export interface Random {
  /** Uniform in [0, 1). */
  number(): number;
  /** 24 characters of lower-case hexadecimal, never the same twice. */
  id(): string;
}

export interface LinkEvents {
  /** Bytes as they arrived: any part of any number of frames. */
  data(bytes: Uint8Array): void;
  /** Called once, however the link ended. */
  closed(reason: string): void;
}

/** An open byte stream to the gateway. */
export interface Link {
  send(bytes: Uint8Array): void;
  close(): void;
}

/** One way to reach the gateway for long: TCP, WebSocket. */
export interface LinkFactory {
  readonly name: string;
  /** Rejects when the link is not open within `timeoutMs`. */
  connect(events: LinkEvents, timeoutMs: number): Promise<Link>;
}

export interface ShortLinkAnswer {
  /** False: `body` is an encoded `magpie.wire.v1.Error`. */
  readonly ok: boolean;
  readonly body: Uint8Array;
}

/** One request, one answer. */
export interface ShortLink {
  /** Rejects with MagpieError OFFLINE (nothing was sent), LINK_LOST or TIMEOUT (what became of it is not known). */
  post(name: string, body: Uint8Array, options: { token?: string; timeoutMs: number }): Promise<ShortLinkAnswer>;
}

export interface StoreRange {
  readonly prefix: string;
  /** Only keys below this one. */
  readonly before?: string;
  readonly limit?: number;
  /** Highest keys first. */
  readonly descending?: boolean;
}

/** Durable texts by key, in the order of their keys. One suite judges every implementation. */
export interface Store {
  get(key: string): Promise<string | undefined>;
  list(range: StoreRange): Promise<[key: string, value: string][]>;
  /** All or nothing; resolves when it would survive a crash. `undefined` deletes. */
  write(changes: ReadonlyMap<string, string | undefined>): Promise<void>;
  close(): Promise<void>;
}
