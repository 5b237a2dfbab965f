import type { AddressInfo, Server } from 'node:net';
import { metrics } from './metrics.js';

/** Opens the port and answers which it is. A connection that cannot be taken later on is counted, and no more. */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', () => metrics.refused('accept'));
  return (server.address() as AddressInfo).port;
}
