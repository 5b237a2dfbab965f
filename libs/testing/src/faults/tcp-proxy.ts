import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What a proxy does to the connections through it:
 * - `pass`: nothing.
 * - `cut-before-answer` / `cut-within-answer` / `cut-after-answer`: requests arrive; the connection is reset before the
 *   first byte of the next answer goes out, in the middle of it, or right after it.
 * - `swallow`: requests arrive, answers are dropped; connections stay.
 * - `stall`: nothing moves in either direction until the mode changes; then everything goes on, nothing is lost. Who
 *   sends more than the buffers of the kernel hold feels it.
 * - `half-open`: connections that exist now go silent both ways, without FIN or RST, for ever; new ones work.
 * - `refuse`: connections that exist are reset, new ones are closed at once.
 */
export type ProxyMode =
  | 'pass'
  | 'cut-before-answer'
  | 'cut-within-answer'
  | 'cut-after-answer'
  | 'swallow'
  | 'stall'
  | 'half-open'
  | 'refuse';

export interface TcpProxyOptions {
  /** Where connections lead. */
  readonly target: { readonly host?: string; readonly port: number };
  /** Where it listens; default: a free port of 127.0.0.1. */
  readonly port?: number;
}

/** A link that forwards TCP connections and can be made to fail in the ways that networks do. */
export interface TcpProxy {
  readonly port: number;
  /** `host:port` of the proxy. */
  readonly address: string;
  mode(): ProxyMode;
  set(mode: ProxyMode): void;
  /** Has all that comes from the target arrive so much later, in its order; 0 again = at once. */
  delayAnswers(ms: number): void;
  /** Resets every connection now, whatever the mode. */
  cut(): void;
  /** Connections that are open now, silent ones among them. */
  connections(): number;
  /** Connections that were accepted since it began to listen. */
  accepted(): number;
  close(): Promise<void>;
}

/** One connection from a client to the target. */
interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Goes silent for ever. */
  silent: boolean;
  /** Nothing is read from either side. */
  stalled: boolean;
  /** Ends of connections that came while stalled: passed on in order when it ends. */
  readonly held: (() => void)[];
  /** What is to arrive later, with its time (`performance.now()`). */
  readonly late: { readonly at: number; readonly go: () => void }[];
}

/** Starts a proxy and resolves when it listens. Rejects when the port is taken. */
export async function startTcpProxy({ target, port = 0 }: TcpProxyOptions): Promise<TcpProxy> {
  const host = '127.0.0.1';
  const links = new Set<Link>();
  let mode: ProxyMode = 'pass';
  let delayMs = 0;
  let accepted = 0;

  const server = createServer({ noDelay: true }, (client) => {
    accepted += 1;
    if (mode === 'refuse') return void client.resetAndDestroy();
    const upstream = connect({ host: target.host ?? host, port: target.port, noDelay: true });
    const link: Link = { client, upstream, silent: false, stalled: false, held: [], late: [] };
    links.add(link);
    join(
      link,
      () => mode,
      () => delayMs,
    );
    if (mode === 'stall') hold(link);
    for (const socket of [client, upstream]) {
      socket.on('close', () => (client.closed && upstream.closed ? links.delete(link) : undefined));
    }
  });
  await listen(server, port, host);
  const address = server.address();
  const actual = typeof address === 'object' && address ? address.port : port;

  const cut = (): void => {
    for (const link of links) reset(link);
  };
  const set = (next: ProxyMode): void => {
    mode = next;
    if (next === 'half-open') for (const link of links) link.silent = true;
    if (next === 'refuse') cut();
    for (const link of links) (next === 'stall' ? hold : release)(link);
  };
  return {
    port: actual,
    address: `${host}:${actual}`,
    mode: () => mode,
    set,
    delayAnswers: (ms) => void (delayMs = ms),
    cut,
    connections: () => links.size,
    accepted: () => accepted,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}

function join(link: Link, mode: () => ProxyMode, delayMs: () => number): void {
  const { client, upstream } = link;
  const when = (go: () => void): void => {
    if (link.silent) return;
    if (link.stalled) link.held.push(() => (link.silent ? undefined : go()));
    else go();
  };
  const later = (go: () => void): void => defer(link, delayMs(), () => when(go));
  client.on('data', (chunk) => when(() => forward(link, client, upstream, chunk)));
  upstream.on('data', (chunk) => later(() => answer(link, mode(), chunk)));
  client.on('end', () => when(() => upstream.end()));
  upstream.on('end', () => later(() => client.end()));
  // A reset on one side is passed on; in silence nothing is.
  client.on('error', () => when(() => upstream.resetAndDestroy()));
  upstream.on('error', () => when(() => client.resetAndDestroy()));
}

function defer(link: Link, ms: number, go: () => void): void {
  const { late } = link;
  if (ms === 0 && late.length === 0) return go();
  late.push({ at: performance.now() + ms, go });
  if (late.length === 1) setTimeout(() => arrive(link), ms);
}

function arrive(link: Link): void {
  const { late } = link;
  while (late[0] && late[0].at <= performance.now()) late.shift()!.go();
  if (late[0]) setTimeout(() => arrive(link), Math.max(0, late[0].at - performance.now()));
}

function answer(link: Link, mode: ProxyMode, chunk: Buffer): void {
  const { client, upstream } = link;
  switch (mode) {
    case 'cut-before-answer':
      return reset(link);
    case 'cut-within-answer':
      return void client.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => reset(link));
    case 'cut-after-answer':
      return void client.write(chunk, () => reset(link));
    case 'swallow':
      return;
    default:
      return forward(link, upstream, client, chunk);
  }
}

function forward(link: Link, from: Socket, to: Socket, chunk: Buffer): void {
  if (to.write(chunk)) return;
  from.pause();
  to.once('drain', () => (link.stalled ? undefined : from.resume()));
}

function hold(link: Link): void {
  link.stalled = true;
  link.client.pause();
  link.upstream.pause();
}

function release(link: Link): void {
  if (!link.stalled) return;
  link.stalled = false;
  for (const go of link.held.splice(0)) go();
  // What cannot take more yet pauses its other side again at once.
  link.client.resume();
  link.upstream.resume();
}

function reset({ client, upstream }: Link): void {
  client.resetAndDestroy();
  upstream.resetAndDestroy();
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
