import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type MethodDefinition,
  type ServerUnaryCall,
  type UntypedHandleCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { wire } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import type { Logger } from '@magpie/observability';
import { credentialCheck, requestIdOf } from './credential.js';
import { asBuffer, asBytes, methodName, type GenericDefinition, type GenericMethod } from './definition.js';
import { DuplexSession } from './duplex-session.js';
import { ExchangeSession, type ExchangeServerStream } from './exchange-session.js';
import type { Caller, DuplexStream, Handlers, Streams } from './handlers.js';
import { acceptAt, type AnyServerStream } from './in-process.js';
import { TIMEOUT_DEFAULT_MS, TRANSPORT_OPTIONS } from './limits.js';
import { infoOf, makeRoute, type Route } from './route.js';
import { UNAUTHENTICATED, statusOf } from './status.js';

type UnaryHandler = (request: unknown, caller: Caller) => Promise<unknown>;
type Opener = (stream: AnyServerStream) => void;
type StreamHandler = (stream: DuplexStream<unknown, unknown>) => Promise<void>;

/** What a closing server asks of its streams. */
interface Drainable {
  drain(): void;
}

/**
 * Serves definitions to other services, denying by default: a call needs the caller credential (else UNAUTHENTICATED)
 * and an rpc needs a mark (else FORBIDDEN). Rpcs marked SERVICE are called as they are; those marked CLIENT only as
 * items of Exchange, which every server serves and which reaches the same handlers. Docs: docs/adr/0002.
 */
export class GrpcServer {
  readonly #logger: Logger;
  readonly #isOurs: (metadata: Metadata) => boolean;
  readonly #server = new Server(TRANSPORT_OPTIONS);
  readonly #commands = new Map<number, Route>();
  readonly #exchanges = new Set<ExchangeSession>();
  readonly #streams = new Set<Drainable>();
  readonly #openers = new Map<string, Opener>();
  readonly #inProcess = new Set<AnyServerStream>();
  #refuseInProcess: () => void = () => undefined;
  #closing = false;

  constructor(options: { credential: string; logger: Logger }) {
    this.#logger = options.logger;
    this.#isOurs = credentialCheck(options.credential);
    const { exchange } = wire.ExchangeServiceDefinition.methods;
    const exchangeStream = (stream: AnyServerStream): void => this.#exchange(stream as ExchangeServerStream);
    this.#add(wire.ExchangeServiceDefinition, [[exchange, this.#guarded(exchangeStream)]]);
  }

  /** Adds a definition; call it before `listen`. Throws when a method has no handler. */
  serve<D extends GenericDefinition>(definition: D, handlers: Handlers<D>, streams?: Streams<D>): void {
    const methods = Object.entries(definition.methods).map(([key, method]) => {
      const owner = (method.requestStream ? streams : handlers) as Readonly<Record<string, unknown>> | undefined;
      const handler = owner?.[key];
      if (typeof handler !== 'function') throw new Error(`no handler for ${methodName(definition, method)}`);
      return [method, this.#implement(definition, method, handler.bind(owner) as unknown)] as const;
    });
    this.#add(definition, methods);
  }

  /** Listens on `host:port` (port 0 = any free one); resolves with the address bound, rejects when it cannot be. */
  async listen(address: string): Promise<string> {
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const bound = `${address.slice(0, address.lastIndexOf(':'))}:${port}`;
    this.#refuseInProcess = acceptAt(bound, (path, stream) => this.#accept(path, stream));
    return bound;
  }

  /** Takes nothing new, answers what is in flight, ends the streams; after `deadlineMs` cuts what is left. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    this.#refuseInProcess();
    for (const session of [...this.#exchanges, ...this.#streams]) session.drain();
    const drained = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    const cut = setTimeout(() => {
      this.#server.forceShutdown();
      for (const stream of this.#inProcess) stream.destroy();
    }, deadlineMs);
    await Promise.all([drained, ...[...this.#inProcess].map(closed)]);
    clearTimeout(cut);
  }

  /** A stream from within this process; one of another kind than it offers is unknown, as over a socket. */
  #accept(path: string, stream: AnyServerStream): void {
    this.#inProcess.add(stream);
    stream.on('close', () => this.#inProcess.delete(stream));
    const open = this.#openers.get(path);
    if (open) open(stream);
    else stream.emit('error', { code: status.UNIMPLEMENTED, details: `no ${path} here` });
  }

  #implement(definition: GenericDefinition, method: GenericMethod, handler: unknown): UntypedHandleCall {
    const name = methodName(definition, method);
    const info = infoOf(definition, method);
    if (!info) this.#logger.warn({ method: name }, 'rpc without a mark, nobody may call it');
    if (method.requestStream !== method.responseStream) throw new Error(`${name} streams one way only`);
    if (method.requestStream) {
      const open = (stream: AnyServerStream): void => this.#stream(stream, name, handler as StreamHandler);
      return this.#guarded(info?.access === 'SERVICE' ? open : forbidStream);
    }
    const route = makeRoute(definition, method, handler as UnaryHandler, this.#logger);
    if (route.info?.access === 'CLIENT') this.#commands.set(route.info.id, route);
    return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
      void this.#unary(route, call, callback);
  }

  #add(definition: GenericDefinition, methods: readonly (readonly [GenericMethod, UntypedHandleCall])[]): void {
    const service: Record<string, MethodDefinition<unknown, unknown>> = {};
    const implementation: Record<string, UntypedHandleCall> = {};
    for (const [method, handle] of methods) {
      service[method.name] = methodDefinition(definition, method);
      implementation[method.name] = handle;
      if (method.requestStream) this.#openers.set(`/${definition.fullName}/${method.name}`, handle as Opener);
    }
    this.#server.addService(service, implementation);
  }

  async #unary(route: Route, call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): Promise<void> {
    if (!this.#isOurs(call.metadata)) return callback({ ...UNAUTHENTICATED });
    if (route.info?.access !== 'SERVICE') return callback(statusOf(forbidden()));
    try {
      const body = await route.call(asBytes(call.request), serviceCaller(call.metadata, call.getDeadline()));
      callback(null, asBuffer(body));
    } catch (error) {
      callback(statusOf(error));
    }
  }

  /** Lets a stream through only with the credential. */
  #guarded(open: (stream: AnyServerStream) => void): UntypedHandleCall {
    return (stream: AnyServerStream) => {
      if (this.#closing) return void stream.emit('error', { code: status.UNAVAILABLE, details: 'closing' });
      if (!this.#isOurs(stream.metadata)) return void stream.emit('error', { ...UNAUTHENTICATED });
      open(stream);
    };
  }

  #exchange(stream: ExchangeServerStream): void {
    // Tells the caller that the stream stands: it sends nothing before.
    stream.sendMetadata(new Metadata());
    const session = new ExchangeSession(stream, this.#commands);
    this.#exchanges.add(session);
    stream.on('close', () => this.#exchanges.delete(session));
  }

  #stream(stream: AnyServerStream, method: string, handler: StreamHandler): void {
    stream.sendMetadata(new Metadata());
    const caller = serviceCaller(stream.metadata, stream.getDeadline());
    const session = new DuplexSession({ stream, handler, caller, method, logger: this.#logger });
    this.#streams.add(session);
    stream.on('close', () => this.#streams.delete(session));
  }
}

function forbidden(): DomainError {
  return new DomainError('forbidden', 'FORBIDDEN', 'this rpc is not for this caller');
}

function closed(stream: AnyServerStream): Promise<void> {
  return new Promise((resolve) => stream.once('close', () => resolve()));
}

function forbidStream(stream: AnyServerStream): void {
  stream.emit('error', statusOf(forbidden()));
}

function serviceCaller(metadata: Metadata, given: Date | number): Caller {
  const deadline = Number.isFinite(+given) ? +given : Date.now() + TIMEOUT_DEFAULT_MS;
  const requestId = requestIdOf(metadata);
  return { kind: 'SERVICE', userId: '', deviceId: '', sessionId: '', requestId, deadline, answer: { feedKey: 0 } };
}

/** Unary bodies pass as bytes, so that one that cannot be decoded is answered like any other error. */
function methodDefinition(
  definition: GenericDefinition,
  { name, requestType, requestStream, responseType, responseStream }: GenericMethod,
): MethodDefinition<unknown, unknown> {
  const raw = !requestStream;
  return {
    path: `/${definition.fullName}/${name}`,
    requestStream,
    responseStream,
    requestSerialize: (message) => asBuffer(requestType.encode(message as never).finish()),
    requestDeserialize: (bytes) => (raw ? bytes : requestType.decode(asBytes(bytes))),
    responseSerialize: (message) =>
      raw ? (message as Buffer) : asBuffer(responseType.encode(message as never).finish()),
    responseDeserialize: (bytes) => responseType.decode(asBytes(bytes)),
  };
}
