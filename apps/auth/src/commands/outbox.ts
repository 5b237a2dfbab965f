import type { TopicName } from '@magpie/contracts';
import type { Appender, EventLog } from '@magpie/event-log';
import { startRelay, type EventStore, type Relay, type RelayOptions } from '@magpie/event-store';
import type { Logger } from '@magpie/observability';
import type { Component } from '@magpie/service';

const TOPICS: TopicName[] = ['auth.account.v1', 'auth.session.v1'];
const CLOSE_DEADLINE_MS = 5_000;

interface OutboxParts {
  readonly store: EventStore;
  readonly log: EventLog;
  readonly logger: Logger;
  /** Names this start of this instance. */
  readonly holder: string;
  readonly publish: RelayOptions['publish'];
}

/** Carries commits to the log, in whichever instance holds the lease. */
export class Outbox implements Component {
  #appender: Appender | undefined;
  #relay: Relay | undefined;

  constructor(private readonly parts: OutboxParts) {}

  async start(): Promise<void> {
    const { store, log, logger, holder, publish } = this.parts;
    this.#appender = log.appender({ topics: TOPICS, lane: 'persistent' });
    this.#relay = startRelay({ store, appender: this.#appender, publish, logger, lease: { name: 'relay', holder } });
  }

  async stop(): Promise<void> {
    await this.#relay?.stop();
    await this.#appender?.close(CLOSE_DEADLINE_MS);
  }
}
