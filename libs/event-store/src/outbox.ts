import type { TopicName } from '@magpie/contracts';
import type { Appender, EventLog } from '@magpie/event-log';
import type { Logger } from '@magpie/observability';
import type { EventStore } from './event-store.js';
import type { Ground } from './ground.js';
import { startRelay, type Relay, type RelayOptions } from './relay.js';

const CLOSE_DEADLINE_MS = 5_000;

export interface OutboxParts {
  readonly store: EventStore;
  readonly log: EventLog;
  readonly logger: Logger;
  /** Names this start of this instance. */
  readonly holder: string;
  /** All that `publish` names. */
  readonly topics: readonly TopicName[];
  readonly publish: RelayOptions['publish'];
  /** Started and stopped with it. */
  readonly ground?: Ground;
}

/** A service's relay with its appender, from `start` to `stop`: one of its instances at a time publishes, by a lease. */
export class Outbox {
  #appender: Appender | undefined;
  #relay: Relay | undefined;

  constructor(private readonly parts: OutboxParts) {}

  async start(): Promise<void> {
    const { store, log, logger, holder, topics, publish, ground } = this.parts;
    ground?.start();
    this.#appender = log.appender({ topics: [...topics], lane: 'persistent' });
    const lease = { name: 'relay', holder };
    this.#relay = startRelay({ store, appender: this.#appender, publish, ground, logger, lease });
  }

  async stop(): Promise<void> {
    await this.#relay?.stop();
    await this.#appender?.close(CLOSE_DEADLINE_MS);
    this.parts.ground?.stop();
  }
}
