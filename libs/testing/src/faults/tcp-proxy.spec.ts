import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { eventually } from '../eventually.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';

const QUIET_MS = 60;
/** Time in which a proxy that reads would have taken what follows. */
const LONG_QUIET_MS = 300;
/** More than the kernel holds between two sockets. */
const MUCH_BYTES = 24 * 1024 * 1024;

// Goal: each mode does to a connection what its name says, and nothing else. Real: TCP, an echo server that counts.
describe('startTcpProxy', () => {
  let echo: Server;
  let proxy: TcpProxy;
  let arrived: string;
  let open: Peer[];

  beforeEach(async () => {
    arrived = '';
    open = [];
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        arrived += chunk.toString();
        socket.write(chunk);
      });
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    proxy = await startTcpProxy({ target: { port: (echo.address() as AddressInfo).port } });
  });

  afterEach(async () => {
    for (const peer of open) peer.socket.destroy();
    await proxy.close();
    await new Promise((resolve) => echo.close(resolve));
  });

  async function dial(): Promise<Peer> {
    const peer = new Peer(connect({ port: proxy.port, host: '127.0.0.1' }));
    open.push(peer);
    await peer.connected;
    return peer;
  }

  it('forwards both ways', async () => {
    const peer = await dial();
    await peer.says('hello', 'hello');
    expect(proxy.connections()).toBe(1);
  });

  it.each([
    ['cut-before-answer', ''],
    ['cut-within-answer', 'ab'],
    ['cut-after-answer', 'abcd'],
  ] as const)('%s: the request arrives, the answer does not, or only partly', async (mode, heard) => {
    const peer = await dial();
    await peer.says('x', 'x');
    proxy.set(mode);
    peer.socket.write('abcd');
    expect(await peer.ended).toBe('ECONNRESET');
    expect([arrived, peer.heard]).toEqual(['xabcd', `x${heard}`]);
  });

  it('swallow: requests arrive, nothing comes back, the connection stays', async () => {
    const peer = await dial();
    proxy.set('swallow');
    peer.socket.write('abcd');
    await after(QUIET_MS);
    expect([arrived, peer.heard, peer.isOver]).toEqual(['abcd', '', false]);
    proxy.set('pass');
    await peer.says('e', 'e');
  });

  it('stall: nothing moves, then everything goes on', async () => {
    const peer = await dial();
    proxy.set('stall');
    peer.socket.write('abcd');
    await after(QUIET_MS);
    expect([arrived, peer.heard, peer.isOver]).toEqual(['', '', false]);
    proxy.set('pass');
    await peer.says('e', 'abcde');
  });

  it('stall: who sends much feels that nothing moves, and loses none of it', async () => {
    const peer = await dial();
    proxy.set('stall');
    peer.socket.write('x'.repeat(MUCH_BYTES));
    await after(LONG_QUIET_MS);
    expect([arrived.length, peer.socket.writableLength]).toEqual([0, MUCH_BYTES]);
    proxy.set('pass');
    await eventually(() => expect([arrived.length, peer.heard.length]).toEqual([MUCH_BYTES, MUCH_BYTES]));
  });

  it('brings answers later by what was asked, in their order, also when less is asked meanwhile', async () => {
    const peer = await dial();
    proxy.delayAnswers(QUIET_MS);
    const began = performance.now();
    peer.socket.write('ab');
    await after(QUIET_MS / 3);
    proxy.delayAnswers(0);
    await peer.says('cd', 'abcd');
    expect(performance.now() - began).toBeGreaterThanOrEqual(QUIET_MS - 2);
  });

  it('half-open: who was connected is left in silence for ever, who comes is served', async () => {
    const old = await dial();
    await old.says('a', 'a');
    proxy.set('half-open');
    old.socket.write('b');
    const fresh = await dial();
    await fresh.says('c', 'c');
    proxy.set('pass');
    await after(QUIET_MS);
    expect([arrived, old.heard, old.isOver]).toEqual(['ac', 'a', false]);
  });

  it('refuse: resets who is there and who comes', async () => {
    const old = await dial();
    await old.says('a', 'a');
    proxy.set('refuse');
    expect(await old.ended).toBe('ECONNRESET');
    const late = new Peer(connect({ port: proxy.port, host: '127.0.0.1' }));
    expect(await late.ended).toBe('ECONNRESET');
    proxy.set('pass');
    await (await dial()).says('b', 'b');
  });
});

/** One end of a connection. */
class Peer {
  heard = '';
  isOver = false;
  readonly connected: Promise<void>;
  /** Code of the error that it ended with, '' = orderly. */
  readonly ended: Promise<string>;
  #onHeard: () => void = () => undefined;

  constructor(readonly socket: Socket) {
    this.connected = new Promise((resolve) => socket.once('connect', resolve));
    socket.on('data', (chunk) => {
      this.heard += chunk.toString();
      this.#onHeard();
    });
    this.ended = new Promise((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      socket.once('close', () => {
        this.isOver = true;
        resolve('');
      });
    });
  }

  /** Says it and waits until all that was heard is this. */
  async says(text: string, heard: string): Promise<void> {
    const all = new Promise<void>((resolve) => {
      this.#onHeard = () => (this.heard.endsWith(heard) ? resolve() : undefined);
    });
    this.socket.write(text);
    await all;
  }
}
