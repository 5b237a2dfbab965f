import { DomainError } from '@magpie/domain';
import { descriptors } from '@magpie/contracts/descriptor';
import { silentLogger } from '@magpie/observability';
import { commandTable } from '../src/api/command-table.js';
import { Dispatcher } from '../src/api/dispatcher.js';
import { ConnectionAllowances, Door, trustOf } from '../src/api/door.js';
import { Links } from '../src/api/links.js';
import { LongLink } from '../src/api/long-link.js';
import { ShortLink } from '../src/api/short-link.js';
import { Authenticate } from '../src/commands/authenticate.js';
import { UserAllowances } from '../src/domain/allowance.js';
import { TcpClient } from './client.js';

const HEARTBEAT = 6;
const LOGIN = 253;
const rates = { requestsPerSecond: 100, requestsBurst: 100, bytesPerSecond: 1e6, bytesBurst: 1e6 };
const reached = () => Promise.reject(new DomainError('gone', 'NOT_FOUND', 'a service was reached'));

/** The ports of the gateway; whoever comes to them, over loopback, is judged as if from that address. */
function doorFor(address: string, clearText: 'refuse' | 'allow'): Door {
  const logger = silentLogger();
  const registry = descriptors();
  const table = commandTable(registry);
  const links = new Links({ idleMs: 60_000, openHalfFrameMs: 60_000, halfFrameMs: 60_000 });
  const dispatcher = new Dispatcher({ call: reached }, new UserAllowances(rates, 10), logger);
  const authenticate = new Authenticate({ key: () => Promise.resolve(undefined), revoked: () => false });
  const feeds = { follow: () => Promise.resolve(), unfollow: () => undefined, held: () => undefined };
  const trusts = (real: string) => real === '127.0.0.1' && trustOf(clearText)(address);
  const longLink = new LongLink({ table, dispatcher, authenticate, feeds, links, heartbeatIntervalMs: 1000, logger });
  const errorSchema = registry.getMessage('magpie.wire.v1.Error')!;
  const allowanceOf = new ConnectionAllowances(rates).of;
  const shortLink = new ShortLink({
    table,
    errorSchema,
    dispatcher,
    authenticate,
    allowanceOf,
    trusts,
    corsOrigin: '',
  });
  const ports = { host: '127.0.0.1', httpPort: 0, tcpPort: 0 };
  const limits = { linksMax: 10, linkRates: rates, drainMs: 0, reconnectSpreadMs: 0 };
  return new Door({ ...ports, ...limits }, { links, longLink, shortLink, feeds, trusts, logger });
}

// Goal: credentials do not travel in the clear beyond this machine. Real: the doors, their sockets and the rule; the
// peer's address is made up, and there are no services behind.
describe('clear text', () => {
  it.each([
    ['elsewhere', '192.168.1.5', 'refuse', 'TLS_REQUIRED', 'TLS_REQUIRED'],
    ['elsewhere, where it is allowed', '192.168.1.5', 'allow', 'NOT_FOUND', 'SESSION_REQUIRED'],
    ['this machine', '127.0.0.1', 'refuse', 'NOT_FOUND', 'SESSION_REQUIRED'],
  ] as const)('from %s', async (_, address, clearText, login, identify) => {
    const door = doorFor(address, clearText);
    await door.start();
    const client = await TcpClient.open(door.ports.tcp);
    try {
      expect((await client.ask(HEARTBEAT)).operation).toBe(1_000_000_000 + HEARTBEAT);
      expect(await client.error(LOGIN)).toBe(login);
      await expect(client.identify('a-token')).rejects.toThrow(identify);
      const url = `http://127.0.0.1:${door.ports.http}/cgi-bin/micromsg-bin/manualauth`;
      const response = await fetch(url, {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json' },
      });
      expect(await response.json()).toMatchObject({ code: login });
      expect(response.status).toBe(login === 'TLS_REQUIRED' ? 426 : 404);
    } finally {
      client.close();
      await door.stop();
    }
  });
});
