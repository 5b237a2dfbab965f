import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { wire } from '@magpie/contracts';
import { WebSocketServer } from 'ws';
import { httpShortLink } from '../src/links/http-short-link.js';
import { webSocketLink } from '../src/links/websocket-link.js';
import { tcpLink } from '../src/node/tcp-link.js';
import type { LinkFactory } from '../src/ports.js';

/** A real server on the loopback that answers every byte as it came and hangs up on a zero. */
interface Echo {
  readonly link: LinkFactory;
  stop(): Promise<void>;
}

async function tcpEcho(): Promise<Echo> {
  const server = createServer((socket) => {
    socket.on('data', (bytes) => (bytes[0] === 0 ? socket.end() : socket.write(bytes)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { link: tcpLink(`127.0.0.1:${portOf(server)}`), stop: () => closed(server) };
}

async function webSocketEcho(): Promise<Echo> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.on('message', (bytes: Buffer) => (bytes[0] === 0 ? socket.close() : socket.send(bytes)));
  });
  return {
    link: webSocketLink(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`),
    stop: () => closed(server),
  };
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const closed = (server: { close(done: () => void): unknown }): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()));

let stopping: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stopping.map((stop) => stop()));
  stopping = [];
});

describe.each([
  ['tcp', tcpEcho],
  ['ws', webSocketEcho],
])('link: %s', (_, start) => {
  it('carries bytes both ways, tells its end once, and OFFLINE when nobody listens', async () => {
    const echo = await start();
    stopping.push(echo.stop);
    const got: number[] = [];
    const { promise: all, resolve: allGot } = Promise.withResolvers<void>();
    const { promise: ended, resolve: end } = Promise.withResolvers<string>();
    const data = (bytes: Uint8Array): void => {
      got.push(...bytes);
      if (got.length === 5) allGot();
    };
    const link = await echo.link.connect({ data, closed: end }, 2000);
    link.send(new Uint8Array([1, 2, 3]));
    link.send(new Uint8Array([4, 5]));
    await all;
    expect(got).toEqual([1, 2, 3, 4, 5]);
    link.send(new Uint8Array([0]));
    expect(await ended).toBe('closed by the server');
    link.close();
    await stopping.pop()!();
    await expect(echo.link.connect({ data, closed: end }, 2000)).rejects.toMatchObject({ code: 'OFFLINE' });
  });
});

describe('httpShortLink', () => {
  it('posts protobuf with the token and tells answers, errors, strangers and silence apart', async () => {
    let seen = '';
    const server = createHttpServer((request, response) => {
      seen = `${request.method} ${request.url} ${request.headers.authorization}`;
      if (request.url?.endsWith('silent')) return;
      if (request.url?.endsWith('stranger')) return void response.end('hello');
      const failed = request.url?.endsWith('refused') ?? false;
      response.writeHead(failed ? 403 : 200, { 'content-type': 'application/x-protobuf' });
      response.end(failed ? wire.Error.encode(wire.Error.fromPartial({ code: wire.Code.FORBIDDEN })).finish() : 'ok');
    });
    stopping.push(async () => (server.closeAllConnections(), closed(server)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const link = httpShortLink(`http://127.0.0.1:${portOf(server)}`);
    const body = new Uint8Array([1]);
    expect(await link.post('newsync', body, { token: 't', timeoutMs: 2000 })).toMatchObject({ ok: true });
    expect(seen).toBe('POST /cgi-bin/micromsg-bin/newsync Bearer t');
    expect(await link.post('refused', body, { timeoutMs: 2000 })).toMatchObject({ ok: false });
    await expect(link.post('stranger', body, { timeoutMs: 2000 })).rejects.toMatchObject({ code: 'LINK_LOST' });
    await expect(link.post('silent', body, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await stopping.pop()!();
    await expect(link.post('newsync', body, { timeoutMs: 2000 })).rejects.toMatchObject({ code: 'OFFLINE' });
  });
});

describe('the main entry', () => {
  it('imports nothing of Node, so that a browser can load it', async () => {
    const source = join(import.meta.dirname, '../../src');
    const names = (await readdir(source, { recursive: true })).filter((name) => name.endsWith('.ts'));
    const outside = names.filter((name) => !name.startsWith('node/') && !name.endsWith('.spec.ts'));
    const texts = await Promise.all(outside.map((name) => readFile(join(source, name), 'utf8')));
    const guilty = outside.filter((_, i) =>
      /from '(node:|\.\/node\/|\.\.\/node\/)|\bBuffer\b|\bprocess\./.test(texts[i]!),
    );
    expect(guilty).toEqual([]);
    expect(outside.length).toBeGreaterThan(20);
  });
});
