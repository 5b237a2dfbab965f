import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { sync } from '@magpie/contracts';
import { deferred } from '@magpie/domain';
import { callMetadata } from '../src/credential.js';
import { openInProcess } from '../src/in-process.js';
import { CREDENTIAL, peersOf, startServer } from './fixture.js';

// Goal: a stream within a process ends as one over a socket does, whoever ends it.

const ATTACH = '/magpie.sync.v1.SyncService/Attach';

/** Whom a test started, to be closed however it ends. */
const opened: { close(deadlineMs: number): Promise<void> }[] = [];

afterEach(() => Promise.all(opened.splice(0).map((one) => one.close(0))));

async function serving(...given: Parameters<typeof startServer>) {
  const { server, address } = await startServer(...given);
  opened.push(server);
  return { server, address };
}

function statusOf(address: string, path: string, metadata: Metadata): Promise<StatusObject> {
  const stream = openInProcess(address, path, metadata);
  if (!stream) throw new Error(`nobody listens at ${address}`);
  stream.on('error', () => undefined).resume();
  return new Promise((resolve) => stream.on('status', resolve));
}

describe('streams within a process', () => {
  it('are cut at the deadline of a server that closes', async () => {
    const reached = deferred<void>();
    const { server, address } = await serving({}, () => {
      reached.resolve();
      return new Promise(() => undefined);
    });
    const over = statusOf(address, ATTACH, callMetadata(CREDENTIAL));
    await reached.promise;
    const closed = server.close(50);
    expect(await over).toMatchObject({ code: status.UNAVAILABLE });
    await closed;
  });

  it('are UNIMPLEMENTED where the server offers no such stream', async () => {
    const { address } = await serving({});
    expect(await statusOf(address, ATTACH, callMetadata(CREDENTIAL))).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  it('are closed to strangers', async () => {
    const { address } = await serving({}, () => Promise.resolve());
    expect(await statusOf(address, ATTACH, new Metadata())).toMatchObject({ code: status.UNAUTHENTICATED });
  });

  it('are none to an address that nobody serves, or no longer', async () => {
    const { server, address } = await serving({}, () => Promise.resolve());
    await server.close(0);
    expect(openInProcess(address, ATTACH, new Metadata())).toBeUndefined();
    const peers = peersOf([address], CREDENTIAL, true);
    opened.push(peers);
    const stream = peers.duplex('auth', address, sync.SyncServiceDefinition, 'attach');
    const over = new Promise((resolve) => stream.onClose(resolve));
    expect(await over).toMatchObject({ code: 'UNAVAILABLE' });
  });
});
