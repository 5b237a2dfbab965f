import { Client, Metadata, credentials, type ServiceError } from '@grpc/grpc-js';
import { auth, wire } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { silentLogger } from '@magpie/observability';
import { GrpcServer, type Caller, type GenericDefinition, type Peers } from '../src/index.js';
import { CREDENTIAL, codeOf, peersOf, startServer } from './fixture.js';

const FIND_ACCOUNTS = '/magpie.auth.v1.AuthService/FindAccounts';
const opened: { close(deadlineMs: number): unknown }[] = [];
const closing = <T extends { close(deadlineMs: number): unknown }>(one: T): T => (opened.push(one), one);

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close(100)));
});

async function serving(given: Parameters<typeof startServer>[0], credential?: string) {
  const { server, address } = await startServer(given);
  closing(server);
  const peers: Peers = closing(peersOf([address], credential));
  return { address, client: peers.client('auth', auth.AuthServiceDefinition) };
}

/** A call below our own client: what the server says on the wire. */
function rawCall(address: string, path: string, body: Buffer, metadata = new Metadata()): Promise<string> {
  const client = closing(new Client(address, credentials.createInsecure()));
  const asIs = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, asIs, asIs, body, metadata, {}, (error: ServiceError | null) => {
      const [trailer] = error?.metadata.get('magpie-error-bin') ?? [];
      const code = trailer ? wire.Code[wire.Error.decode(trailer as Buffer).code] : '';
      resolve(`${error?.code ?? 0} ${code}`.trim());
    });
  });
}

function withCredential(): Metadata {
  const metadata = new Metadata();
  metadata.set('magpie-credential', CREDENTIAL);
  return metadata;
}

describe('unary calls', () => {
  it('reach the handler as a service, with request id and deadline', async () => {
    // Goal: request, answer and what the handler is told of its caller.
    let seen: Caller | undefined;
    const { client } = await serving({
      findAccounts: async ({ userIds }, caller) => ((seen = caller), { existing: userIds.slice(0, 1) }),
    });
    const before = Date.now();
    const answer = await client.findAccounts({ userIds: ['a', 'b'] }, { timeoutMs: 2_000, requestId: 'r7' });
    expect(answer).toEqual({ existing: ['a'] });
    expect(seen).toMatchObject({ kind: 'SERVICE', userId: '', requestId: 'r7' });
    expect(seen?.deadline).toBeGreaterThanOrEqual(before + 1_900);
    expect(seen?.deadline).toBeLessThanOrEqual(Date.now() + 2_000);
  });

  it('are refused without the credential or with another one', async () => {
    // Goal: default deny for strangers (16 = UNAUTHENTICATED).
    const { address } = await serving({ findAccounts: async () => ({ existing: [] }) });
    expect(await rawCall(address, FIND_ACCOUNTS, Buffer.alloc(0))).toBe('16');
    const wrong = new Metadata();
    wrong.set('magpie-credential', `${CREDENTIAL}x`);
    expect(await rawCall(address, FIND_ACCOUNTS, Buffer.alloc(0), wrong)).toBe('16');
    expect(await rawCall(address, FIND_ACCOUNTS, Buffer.alloc(0), withCredential())).toBe('0');
  });

  it('never reach a client command, whatever identity they claim', async () => {
    // Goal: identity comes with Exchange only (7 = PERMISSION_DENIED).
    let reached = false;
    const { address } = await serving({
      listDevices: async () => ((reached = true), { devices: [] }),
    });
    const metadata = withCredential();
    metadata.set('magpie-user-id', 'u1');
    const answer = await rawCall(address, '/magpie.auth.v1.AuthService/ListDevices', Buffer.alloc(0), metadata);
    expect(answer).toBe('7 FORBIDDEN');
    expect(reached).toBe(false);
  });

  it('never reach an rpc without a mark', async () => {
    // Goal: a method that was forgotten in the protos is closed, not open.
    const definition = {
      name: 'StrayService',
      fullName: 'magpie.stray.v1.StrayService',
      methods: {
        stray: {
          name: 'Stray',
          requestType: auth.ListKeysRequest,
          requestStream: false,
          responseType: auth.ListKeysResponse,
          responseStream: false,
        },
      },
    } as const satisfies GenericDefinition;
    const server = closing(new GrpcServer({ credential: CREDENTIAL, logger: silentLogger() }));
    server.serve(definition, { stray: async () => ({ keys: [] }) });
    const address = await server.listen('127.0.0.1:0');
    const path = '/magpie.stray.v1.StrayService/Stray';
    expect(await rawCall(address, path, Buffer.alloc(0), withCredential())).toBe('7 FORBIDDEN');
  });

  it('bring expected errors whole and others without a word of the inside', async () => {
    // Goal: the caller gets the DomainError that the handler threw; a bug is INTERNAL.
    const limited = new DomainError('exhausted', 'LIMITED', 'too many', {
      retryAfterMs: 1_500,
      details: [{ field: 'user_ids', reason: 'often' }],
    });
    const { client } = await serving({
      findAccounts: () => Promise.reject(limited),
      listKeys: () => Promise.reject(new Error('password of the database is x')),
    });
    const told = await client.findAccounts({ userIds: [] }).catch((error: unknown) => error);
    expect(told).toMatchObject({ kind: 'exhausted', code: 'LIMITED', message: 'too many', retryAfterMs: 1_500 });
    expect((told as DomainError).details).toEqual([{ field: 'user_ids', reason: 'often' }]);
    const bug = await client.listKeys({}).catch((error: unknown) => error);
    expect(bug).toMatchObject({ code: 'INTERNAL', message: 'internal error' });
  });

  it('answer INVALID for what cannot be decoded', async () => {
    // Goal: garbage is the caller's fault, not ours.
    const { address } = await serving({});
    const garbage = Buffer.from([0x0a, 0xff, 0xff]);
    expect(await rawCall(address, FIND_ACCOUNTS, garbage, withCredential())).toBe('3 INVALID');
  });

  it('are UNAVAILABLE past their time and when nobody is there', async () => {
    // Goal: a slow and a dead service look the same, within the deadline.
    const { client } = await serving({ findAccounts: () => new Promise(() => undefined) });
    expect(await codeOf(client.findAccounts({ userIds: [] }, { timeoutMs: 50 }))).toBe('UNAVAILABLE');
    const nobody = closing(peersOf(['127.0.0.1:1'])).client('auth', auth.AuthServiceDefinition);
    expect(await codeOf(nobody.listKeys({}))).toBe('UNAVAILABLE');
  });

  it('go to the next instance when one is not reached', async () => {
    // Goal: one dead instance of two is not noticed.
    const { server, address } = await startServer({ listKeys: async () => ({ keys: [] }) });
    closing(server);
    const client = closing(peersOf(['127.0.0.1:1', address])).client('auth', auth.AuthServiceDefinition);
    expect(await Promise.all([codeOf(client.listKeys({})), codeOf(client.listKeys({}))])).toEqual(['OK', 'OK']);
  });
});
