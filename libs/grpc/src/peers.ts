import { randomUUID } from 'node:crypto';
import { Client, credentials, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { wire, written } from '@magpie/contracts';
import { unavailable, type DomainError } from '@magpie/domain';
import type { Logger } from '@magpie/observability';
import { callMetadata } from './credential.js';
import {
  asBuffer,
  asBytes,
  methodName,
  type DuplexNames,
  type GenericDefinition,
  type GenericMethod,
  type RequestOf,
  type ResponseOf,
} from './definition.js';
import { ExchangeSpread } from './exchange-spread.js';
import { ExchangeStream } from './exchange-stream.js';
import type { Exchange, PeerStream, UnaryClient } from './handlers.js';
import { openInProcess } from './in-process.js';
import { CHANNEL_OPTIONS, TIMEOUT_DEFAULT_MS } from './limits.js';
import { peerStream } from './peer-stream.js';
import { errorOf, isUnreached } from './status.js';

interface CallOptions {
  readonly timeoutMs?: number;
  readonly requestId?: string;
}

/** What is said on a stream, and how over a socket. */
interface StreamKind<Request, Response> {
  readonly path: string;
  readonly encode: (message: Request) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Response;
}

const EXCHANGE: StreamKind<wire.ExchangeRequest, wire.ExchangeResponse> = {
  path: `/${wire.ExchangeServiceDefinition.fullName}/Exchange`,
  encode: (message) => written((writer) => wire.ExchangeRequest.encode(message, writer)),
  decode: (bytes) => wire.ExchangeResponse.decode(bytes),
};

const asIs = (bytes: Buffer): Buffer => bytes;

/** The other services, by name and address; connections are made when first needed and shared. */
export class Peers {
  readonly #endpoints: Readonly<Record<string, readonly string[]>>;
  readonly #credential: string;
  readonly #logger: Logger;
  readonly #inProcess: boolean;
  readonly #clients = new Map<string, Client>();
  readonly #exchanges = new Map<string, ExchangeStream>();
  readonly #streams = new Set<PeerStream<never, unknown>>();
  #turn = 0;
  #closed = false;

  /**
   * `endpoints`: the addresses (`host:port`) of each service's instances. `inProcess`: streams to a server of this same
   * process pass messages directly instead of through a socket.
   */
  constructor(options: {
    endpoints: Readonly<Record<string, readonly string[]>>;
    credential: string;
    logger: Logger;
    inProcess?: boolean;
  }) {
    this.#endpoints = options.endpoints;
    this.#credential = options.credential;
    this.#logger = options.logger;
    this.#inProcess = options.inProcess ?? false;
  }

  /** Where the instances of a service are; empty when it is not part of this installation. */
  addresses(service: string): readonly string[] {
    return this.#endpoints[service] ?? [];
  }

  /**
   * The unary methods of another service. A call goes to any instance, and to the next one when that is not reached;
   * it throws the DomainError that was answered, or UNAVAILABLE when nobody answers within `timeoutMs` (5 s). With an
   * address it goes to that instance alone.
   */
  client<D extends GenericDefinition>(service: string, definition: D, address?: string): UnaryClient<D> {
    const methods = Object.entries(definition.methods)
      .filter(([, method]) => !method.requestStream && !method.responseStream)
      .map(([key, method]) => {
        const path = `/${methodName(definition, method)}`;
        return [
          key,
          (request: unknown, options?: CallOptions) => {
            const addresses = address === undefined ? this.#inTurn(service) : [address];
            return this.#unary({ service, addresses }, method, path, request, options);
          },
        ];
      });
    return Object.fromEntries(methods) as UnaryClient<D>;
  }

  /** The command path to one instance, or to any when no address is given. */
  exchange(service: string, address?: string): Exchange {
    if (address !== undefined) return this.#exchange(service, address);
    const streams = this.addresses(service).map((one) => this.#exchange(service, one));
    return new ExchangeSpread(service, streams);
  }

  /** A stream to one instance; it is not made again when it breaks. */
  duplex<D extends GenericDefinition, K extends DuplexNames<D>>(
    service: string,
    address: string,
    definition: D,
    method: K,
  ): PeerStream<RequestOf<D, K>, ResponseOf<D, K>> {
    const found = definition.methods[method as string];
    if (!found) throw new Error(`${definition.fullName} has no ${String(method)}`);
    const raw = this.#open<RequestOf<D, K>, ResponseOf<D, K>>(address, {
      path: `/${methodName(definition, found)}`,
      encode: (message) => found.requestType.encode(message as never).finish(),
      decode: (bytes) => found.responseType.decode(bytes) as ResponseOf<D, K>,
    });
    const stream = peerStream(raw, service);
    this.#streams.add(stream);
    stream.onClose(() => this.#streams.delete(stream));
    return stream;
  }

  /** Ends every stream and connection; what is outstanding is rejected with UNAVAILABLE. */
  close(): Promise<void> {
    this.#closed = true;
    for (const exchange of this.#exchanges.values()) exchange.close();
    for (const stream of this.#streams) stream.close();
    for (const client of this.#clients.values()) client.close();
    return Promise.resolve();
  }

  #exchange(service: string, address: string): ExchangeStream {
    const known = this.#exchanges.get(address);
    if (known) return known;
    const open = () => this.#open(address, EXCHANGE);
    const made = new ExchangeStream({ open, peer: service, logger: this.#logger });
    this.#exchanges.set(address, made);
    return made;
  }

  #open<Request, Response>(
    address: string,
    stream: StreamKind<Request, Response>,
  ): ClientDuplexStream<Request, Response> {
    if (this.#closed) throw unavailable(address);
    const metadata = callMetadata(this.#credential);
    const here = this.#inProcess ? openInProcess<Request, Response>(address, stream.path, metadata) : undefined;
    return (
      here ??
      this.#clientOf(address).makeBidiStreamRequest<Request, Response>(
        stream.path,
        (message) => asBuffer(stream.encode(message)),
        (bytes) => stream.decode(asBytes(bytes)),
        metadata,
      )
    );
  }

  #clientOf(address: string): Client {
    if (this.#closed) throw unavailable(address);
    const known = this.#clients.get(address);
    if (known) return known;
    const made = new Client(address, credentials.createInsecure(), CHANNEL_OPTIONS);
    this.#clients.set(address, made);
    return made;
  }

  async #unary(
    { service, addresses }: { service: string; addresses: readonly string[] },
    method: GenericMethod,
    path: string,
    request: unknown,
    { timeoutMs = TIMEOUT_DEFAULT_MS, requestId = randomUUID() }: CallOptions = {},
  ): Promise<unknown> {
    const body = asBuffer(method.requestType.encode(request as never).finish());
    const deadline = Date.now() + timeoutMs;
    let trouble: DomainError = unavailable(service);
    for (const address of addresses) {
      const answer = await this.#attempt(address, path, body, deadline, requestId);
      if (!(answer instanceof Error)) return method.responseType.decode(asBytes(answer));
      trouble = errorOf(answer, service);
      if (trouble.code === 'INTERNAL') this.#logger.error({ err: answer, peer: service, requestId }, 'call failed');
      if (!isUnreached(answer)) break;
    }
    throw trouble;
  }

  /** The answer, or what went wrong. */
  #attempt(
    address: string,
    path: string,
    body: Buffer,
    deadline: number,
    requestId: string,
  ): Promise<Buffer | ServiceError> {
    const metadata = callMetadata(this.#credential, requestId);
    return new Promise((resolve) => {
      this.#clientOf(address).makeUnaryRequest<Buffer, Buffer>(
        path,
        asIs,
        asIs,
        body,
        metadata,
        { deadline },
        (failure, answer) => resolve(failure ?? (answer as Buffer)),
      );
    });
  }

  #inTurn(service: string): readonly string[] {
    const addresses = this.addresses(service);
    this.#turn += 1;
    const from = this.#turn % Math.max(1, addresses.length);
    return [...addresses.slice(from), ...addresses.slice(0, from)];
  }
}
