import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { admitted } from './kafka-client.js';

// Goal: what a producer that was given up still has to send never leaves. Real: sockets.
describe('the sockets of a client that is over', () => {
  let broker: Server;
  let over: AbortController;
  let connected: number;
  let connecting: PromiseWithResolvers<void>;

  beforeEach(async () => {
    over = new AbortController();
    connected = 0;
    connecting = Promise.withResolvers();
    broker = createServer();
    broker.listen(0, '127.0.0.1');
    await once(broker, 'listening');
  });
  afterEach(() => void broker.close());

  function open(): Socket {
    const plain = ({ onConnect }: { onConnect: () => void }) =>
      connect({ host: '127.0.0.1', port: (broker.address() as AddressInfo).port }, onConnect);
    const make = admitted(plain as Parameters<typeof admitted>[0], () => Promise.resolve(), over.signal);
    const onConnect = () => {
      connected += 1;
      connecting.resolve();
    };
    return make({ host: '', port: 0, ssl: undefined as never, onConnect }).on('error', () => undefined);
  }

  it('are reset, with what was not sent yet', async () => {
    const accepted = once(broker, 'connection') as Promise<[Socket]>;
    const socket = open();
    const [peer] = await accepted;
    await connecting.promise;
    // The other end reads nothing, so most of it waits on this side.
    peer.pause();
    socket.write(Buffer.alloc(50_000_000));
    const ended = closed(peer);
    peer.on('error', () => undefined);
    over.abort();
    let received = 0;
    peer.on('data', (data: Buffer) => (received += data.length)).resume();
    await ended;
    expect(received).toBeLessThan(50_000_000);
  });

  it('are not used when they are made later', async () => {
    over.abort();
    const socket = open();
    await closed(socket);
    expect(connected).toBe(0);
  });
});

/** Not `once`, which an error ends. */
const closed = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once('close', resolve));
