import { Client } from '@grpc/grpc-js';
import { auth, sync } from '@magpie/contracts';
import type { DomainError } from '@magpie/domain';
import { silentLogger } from '@magpie/observability';
import { GrpcServer, Peers, type DuplexStream, type Handlers } from '../src/index.js';

export const CREDENTIAL = 'the-secret-of-this-start';

type Auth = Handlers<auth.AuthServiceDefinition>;
type Sync = DuplexStream<sync.AttachRequest, sync.AttachResponse>;

const unused = (): Promise<never> => Promise.reject(new Error('not part of this test'));

/** Handlers of auth that fail, but for those given. */
export function authHandlers(given: Partial<Auth>): Auth {
  const names = Object.keys(auth.AuthServiceDefinition.methods);
  return { ...Object.fromEntries(names.map((name) => [name, unused])), ...given } as unknown as Auth;
}

/** A server on a free port with handlers for auth and, if given, a stream handler for sync. */
export async function startServer(given: Partial<Auth>, attach?: (stream: Sync) => Promise<void>, address?: string) {
  const server = new GrpcServer({ credential: CREDENTIAL, logger: silentLogger() });
  server.serve(auth.AuthServiceDefinition, authHandlers(given));
  if (attach) server.serve(sync.SyncServiceDefinition, { init: unused, sync: unused, signal: unused }, { attach });
  return { server, address: await server.listen(address ?? '127.0.0.1:0') };
}

/** Peers that know the given addresses as the service `auth`. */
export function peersOf(addresses: readonly string[], credential = CREDENTIAL, inProcess = false): Peers {
  return new Peers({ endpoints: { auth: addresses }, credential, logger: silentLogger(), inProcess });
}

/** The calls that opened a stream over a socket. */
export const socketStreams = import.meta.jest.spyOn(Client.prototype, 'makeBidiStreamRequest');

/** The ways that a stream can take, for describe.each. */
export const WAYS = [
  { way: 'over a socket', inProcess: false },
  { way: 'within a process', inProcess: true },
];

/** Ids of the commands that the tests call. */
export const LOGIN = 253;
export const LIST_DEVICES = 301;

export const identity = { userId: 'u1', deviceId: 'd1', sessionId: 's1' };

export const loginBody = (userName: string): Uint8Array =>
  auth.LoginRequest.encode(auth.LoginRequest.fromPartial({ userName })).finish();

/** An item for the Exchange with what a test does not care about filled in. */
export function item(command: number, more: Partial<Parameters<ReturnType<Peers['exchange']>['call']>[0]> = {}) {
  return { command, requestId: 'r1', timeoutMs: 5_000, body: new Uint8Array(0), ...more };
}

/** The code of the DomainError that a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'OK',
    (error: DomainError) => error.code,
  );
}
