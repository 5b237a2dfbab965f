import { auth } from '@magpie/contracts';
import { DomainError, deferred } from '@magpie/domain';
import type { Caller, Exchange, Peers } from '../src/index.js';
import {
  CREDENTIAL,
  LIST_DEVICES,
  LOGIN,
  WAYS,
  codeOf,
  identity,
  item,
  loginBody,
  peersOf,
  socketStreams,
  startServer,
} from './fixture.js';

/** What an rpc without a command number would have to be called by. */
const NO_COMMAND = 0;
let within = false;
const opened: { close(deadlineMs: number): unknown }[] = [];
const closing = <T extends { close(deadlineMs: number): unknown }>(one: T): T => (opened.push(one), one);

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close(100)));
});

async function serving(given: Parameters<typeof startServer>[0]) {
  const { server, address } = await startServer(given);
  closing(server);
  socketStreams.mockClear();
  const peers: Peers = closing(peersOf([address], CREDENTIAL, within));
  return { server, address, exchange: peers.exchange('auth', address) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Calls until one is answered: the stream has been made again. */
async function answered(exchange: Exchange): Promise<void> {
  while ((await codeOf(exchange.call(item(LIST_DEVICES, { identity })))) !== 'OK') await turn();
}

const login = (userName: string, feedKey = 0) => ({
  login: async (_: auth.LoginRequest, caller: Caller) => {
    caller.answer.feedKey = feedKey;
    return auth.LoginResponse.fromPartial({ session: { userId: userName } });
  },
});

describe.each(WAYS)('Exchange $way', ({ inProcess }) => {
  beforeAll(() => {
    within = inProcess;
  });

  it('brings an item to its handler and the answer with its feed key back', async () => {
    // Goal: body, identity, request id and deadline go in; body and feed key come out, by the way that was asked for.
    let seen: Caller | undefined;
    const { exchange } = await serving({
      listDevices: async (_, caller) => {
        seen = caller;
        caller.answer.feedKey = 77;
        return { devices: [{ device: undefined, sessionId: 's9', lastSeenAtMs: 5, current: true }] };
      },
    });
    const answer = await exchange.call(item(LIST_DEVICES, { identity, requestId: 'r5' }));
    expect(auth.ListDevicesResponse.decode(answer.body).devices[0]?.sessionId).toBe('s9');
    expect(answer.feedKey).toBe(77);
    expect(socketStreams).toHaveBeenCalledTimes(inProcess ? 0 : 1);
    expect(seen).toMatchObject({ kind: 'CLIENT', ...identity, requestId: 'r5' });
    expect(Math.abs((seen?.deadline ?? 0) - Date.now() - 5_000)).toBeLessThan(1_000);
  });

  it('answers each of many items that travel together with its own result', async () => {
    // Goal: batching mixes nothing up, whatever order the handlers finish in.
    const { exchange } = await serving({
      login: async ({ userName }) => {
        if (Number(userName) % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        return auth.LoginResponse.fromPartial({ session: { userId: userName } });
      },
    });
    const names = Array.from({ length: 500 }, (_, index) => String(index));
    const answers = await Promise.all(names.map((name) => exchange.call(item(LOGIN, { body: loginBody(name) }))));
    expect(answers.map(({ body }) => auth.LoginResponse.decode(body).session?.userId ?? '')).toEqual(names);
    expect(socketStreams).toHaveBeenCalledTimes(inProcess ? 0 : 1);
  });

  it('refuses what it must not reach', async () => {
    // Goal: no session, no such command, a service's rpc (which has no command number) and garbage.
    const { exchange } = await serving(login('u1'));
    expect(await codeOf(exchange.call(item(LIST_DEVICES)))).toBe('SESSION_REQUIRED');
    expect(await codeOf(exchange.call(item(9_999, { identity })))).toBe('UNKNOWN_COMMAND');
    expect(await codeOf(exchange.call(item(NO_COMMAND, { identity })))).toBe('UNKNOWN_COMMAND');
    expect(await codeOf(exchange.call(item(LOGIN, { body: Uint8Array.of(10, 255) })))).toBe('INVALID');
    expect(await codeOf(exchange.call(item(LOGIN)))).toBe('OK');
  });

  it('is closed to callers without the credential', async () => {
    // Goal: default deny for the stream as a whole.
    const { address } = await serving(login('u1'));
    const stranger = closing(peersOf([address], 'another secret', within)).exchange('auth', address);
    expect(await codeOf(stranger.call(item(LOGIN)))).toBe('UNAVAILABLE');
  });

  it('brings expected errors whole and others as INTERNAL', async () => {
    // Goal: the same mapping as for unary calls.
    const wrong = new DomainError('unauthenticated', 'WRONG_CREDENTIALS', 'no');
    const { exchange } = await serving({
      login: () => Promise.reject(wrong),
      listDevices: () => Promise.reject(new TypeError('x is not a function')),
    });
    expect(await codeOf(exchange.call(item(LOGIN)))).toBe('WRONG_CREDENTIALS');
    const bug = await exchange.call(item(LIST_DEVICES, { identity })).catch((error: unknown) => error);
    expect(bug).toMatchObject({ code: 'INTERNAL', message: 'internal error' });
  });

  it('answers UNAVAILABLE past the time and goes on with the rest', async () => {
    // Goal: a handler that hangs costs its own caller only.
    const { exchange } = await serving({
      ...login('u1'),
      listDevices: () => new Promise(() => undefined),
    });
    const slow = codeOf(exchange.call(item(LIST_DEVICES, { identity, timeoutMs: 60 })));
    expect(await codeOf(exchange.call(item(LOGIN)))).toBe('OK');
    expect(await slow).toBe('UNAVAILABLE');
  });

  it('rejects what was on a stream that broke, and makes the stream again', async () => {
    // Goal: nothing waits for an answer that cannot come; the peer's return is found.
    const { server, address, exchange } = await serving({ listDevices: () => new Promise(() => undefined) });
    const reached = exchange.call(item(LIST_DEVICES, { identity }));
    const outcome = codeOf(reached);
    await codeOf(exchange.call(item(9_999)));
    await server.close(0);
    expect(await outcome).toBe('UNAVAILABLE');
    const again = await startServer({ listDevices: async () => ({ devices: [] }) }, undefined, address);
    closing(again.server);
    await answered(exchange);
  });

  it('closes its window when too much is outstanding and tells when there is room', async () => {
    // Goal: OVERLOADED before anything is sent, and a call back after a quarter is answered.
    const gate = deferred<void>();
    const { exchange } = await serving({
      listDevices: async () => (await gate.promise, { devices: [] }),
    });
    const calls = Array.from({ length: 1_024 }, () => exchange.call(item(LIST_DEVICES, { identity })));
    expect(exchange.full).toBe(true);
    expect(await codeOf(exchange.call(item(LIST_DEVICES, { identity })))).toBe('OVERLOADED');
    const room = new Promise<void>((resolve) => exchange.onRoom(resolve));
    gate.resolve();
    await room;
    expect(exchange.full).toBe(false);
    expect(await codeOf(exchange.call(item(LIST_DEVICES, { identity })))).toBe('OK');
    await Promise.all(calls);
  });

  it('closes its window by bytes too', async () => {
    // Goal: few large bodies fill it as well as many small ones.
    const { exchange } = await serving(login('u1'));
    const large = item(9_999, { body: new Uint8Array(1_000_000) });
    const calls = Array.from({ length: 5 }, () => codeOf(exchange.call(large)));
    expect(exchange.full).toBe(true);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['UNKNOWN_COMMAND']));
    expect(exchange.full).toBe(false);
  });

  it('answers what is in flight before a server closes', async () => {
    // Goal: a clean stop loses no answer.
    const gate = deferred<void>();
    const { server, exchange } = await serving({
      ...login('u1'),
      listDevices: async () => (await gate.promise, { devices: [] }),
    });
    const inFlight = codeOf(exchange.call(item(LIST_DEVICES, { identity })));
    await exchange.call(item(LOGIN));
    const closed = server.close(5_000);
    expect(await codeOf(exchange.call(item(LOGIN)))).toBe('UNAVAILABLE');
    gate.resolve();
    expect(await inFlight).toBe('OK');
    await closed;
  });

  it('spreads over the instances that stand', async () => {
    // Goal: without an address both instances are used, and a dead one is passed over.
    const [one, two] = await Promise.all([startServer(login('one')), startServer(login('two'))]);
    closing(one.server);
    const exchange = closing(peersOf([one.address, two.address], CREDENTIAL, within)).exchange('auth');
    const call = async (): Promise<string> =>
      exchange.call(item(LOGIN)).then(
        ({ body }) => auth.LoginResponse.decode(body).session?.userId ?? '',
        (error: DomainError) => error.code,
      );
    const seen = new Set<string>();
    for (; seen.size < 2; await turn()) seen.add(await call());
    expect(seen).toEqual(new Set(['one', 'two']));
    await two.server.close(0);
    await turn();
    expect(new Set(await Promise.all([call(), call(), call()]))).toEqual(new Set(['one']));
  });
});
