import type { Logger } from '@magpie/observability';
import type { DuplexNames, GenericDefinition, RequestOf, ResponseOf } from './definition.js';
import type { Exchange, PeerStream, UnaryClient } from './handlers.js';

/** Calls other services. */
export class Peers {
  constructor(
    readonly options: { endpoints: Readonly<Record<string, readonly string[]>>; credential: string; logger: Logger },
  ) {}

  addresses(service: string): readonly string[] {
    return this.options.endpoints[service] ?? [];
  }

  client<D extends GenericDefinition>(service: string, definition: D): UnaryClient<D> {
    throw new Error(`${service} ${definition.fullName}`);
  }

  exchange(service: string, address?: string): Exchange {
    throw new Error(`${service} ${address}`);
  }

  duplex<D extends GenericDefinition, K extends DuplexNames<D>>(
    service: string,
    address: string,
    definition: D,
    method: K,
  ): PeerStream<RequestOf<D, K>, ResponseOf<D, K>> {
    throw new Error(`${service} ${address} ${definition.fullName} ${String(method)}`);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
