import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { auth } from '@magpie/contracts';
import { eventually } from '../eventually.js';
import { REFRESH } from './commands.js';
import { Witness, type Observer } from './witness.js';

const nobody: Observer = {
  device: () => ({
    shown: () => undefined,
    takenBack: () => undefined,
    held: () => undefined,
    restarted: () => undefined,
  }),
  sent: () => undefined,
};

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

// Goal: a device that is stopped ends, whatever it is about. Real: HTTP and TCP, with a gateway that answers no frame.
describe('a witness that is stopped', () => {
  it('before its link is open, opens none that stays', async () => {
    let onRefresh = (): void => undefined;
    const session = auth.Session.fromPartial({ userId: 'ua', accessToken: 'a', refreshToken: 'r' });
    const http = createServer((request, response) => {
      const isRefresh = request.url!.endsWith(`/${REFRESH.name}`);
      if (isRefresh) onRefresh();
      const type = isRefresh ? auth.RefreshResponse : auth.RegisterResponse;
      response.end(type.encode(type.fromPartial({ session })).finish());
    });
    const links = new Set<Socket>();
    const tcp = createTcpServer((socket) => {
      links.add(socket.on('error', () => undefined).on('close', () => links.delete(socket)));
    });
    const at = { http: `http://127.0.0.1:${await portOf(http)}`, ws: '', tcp: `127.0.0.1:${await portOf(tcp)}` };
    try {
      const witness = await Witness.register(at, nobody, 'ann');
      onRefresh = () => witness.stop();
      await witness.stayOnline();
      await eventually(() => expect(links.size).toBe(0));
    } finally {
      for (const socket of links) socket.destroy();
      tcp.close();
      http.close();
    }
  });
});
