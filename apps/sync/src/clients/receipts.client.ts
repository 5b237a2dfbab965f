import { messaging } from '@magpie/contracts';
import type { Peers } from '@magpie/grpc';
import type { Mark } from '../domain/unconfirmed.js';

/** Who keeps how far readers are. */
export interface Receipts {
  markDelivered(marks: readonly Mark[]): Promise<void>;
}

const TIMEOUT_MS = 2_000;

export class MessagingReceipts implements Receipts {
  readonly #client;

  constructor(peers: Peers) {
    this.#client = peers.client('messaging', messaging.MessagingServiceDefinition);
  }

  async markDelivered(marks: readonly Mark[]): Promise<void> {
    await this.#client.markDelivered({ marks: [...marks] }, { timeoutMs: TIMEOUT_MS });
  }
}
