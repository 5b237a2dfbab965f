import { Client, type ClientOptions } from '../client.js';
import type { Store } from '../ports.js';
import { fileStore } from './file-store.js';
import { tcpLink } from './tcp-link.js';

export { fileStore } from './file-store.js';
export { tcpLink } from './tcp-link.js';

export interface NodeClientOptions extends Omit<ClientOptions, 'store'> {
  /** `host:port` of the gateway's long link over TCP, tried first. */
  readonly tcp?: string;
  /** Where everything is kept; or a directory for a file store. */
  readonly store: Store | string;
}

/** A client for Node: TCP before WebSocket, and a directory as the store. Rejects when the directory is in use. */
export async function createNodeClient(options: NodeClientOptions): Promise<Client> {
  const { tcp, store, links = [], ...rest } = options;
  return new Client({
    ...rest,
    store: typeof store === 'string' ? await fileStore(store) : store,
    links: [...links, ...(tcp === undefined ? [] : [tcpLink(tcp)])],
  });
}
