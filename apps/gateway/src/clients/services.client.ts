import { unavailable } from '@magpie/domain';
import type { Exchange, Peers } from '@magpie/grpc';
import type { Identity } from '../domain/identity.js';
import { RETRY_AFTER_MS } from '../domain/limits.js';

/** A command as a service is to get it. */
export interface ServiceCall {
  readonly service: string;
  readonly command: number;
  /** Set: only the instance that owns this user's partition. */
  readonly ownedBy: string | undefined;
  readonly identity: Identity | undefined;
  readonly requestId: string;
  readonly body: Uint8Array;
}

export interface ServiceAnswer {
  readonly body: Uint8Array;
  /** Newest feed key that the body hands out; 0 = none. */
  readonly feedKey: number;
}

/** The services behind the gateway. Throws DomainError. */
export interface Services {
  call(call: ServiceCall): Promise<ServiceAnswer>;
}

/** Every command goes through an Exchange stream, USER ones to the owner that `ownerOf` names. */
export function exchangeServices(options: {
  peers: Pick<Peers, 'exchange'>;
  ownerOf(userId: string): string | undefined;
  timeoutMs: number;
}): Services {
  const { peers, ownerOf, timeoutMs } = options;
  const spreads = new Map<string, Exchange>();
  const spread = (service: string): Exchange => {
    let exchange = spreads.get(service);
    if (exchange === undefined) spreads.set(service, (exchange = peers.exchange(service)));
    return exchange;
  };
  return {
    call({ service, command, ownedBy, identity, requestId, body }) {
      const address = ownedBy === undefined ? undefined : ownerOf(ownedBy);
      if (ownedBy !== undefined && address === undefined) {
        return Promise.reject(unavailable(`${service} for this user`, RETRY_AFTER_MS));
      }
      const exchange = address === undefined ? spread(service) : peers.exchange(service, address);
      return exchange.call({ command, ...(identity && { identity }), requestId, timeoutMs, body });
    },
  };
}
