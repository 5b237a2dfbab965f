import { prepareView, startProjection, type Projection } from '@magpie/event-store';
import type { Component, ServiceBase } from '@magpie/service';
import { PROFILE_VIEW } from './profile.projection.js';

/** Keeps `view_profile` in step with the accounts, and rebuilds it when asked. */
export class Profiles implements Component {
  #joining: Promise<Projection> | undefined;

  constructor(private readonly base: ServiceBase) {}

  start(): Promise<void> {
    return prepareView({ view: PROFILE_VIEW, connection: this.base.connection });
  }

  /** Profiles are served as they stand until then. */
  async join(): Promise<void> {
    const { connection, log, peers, logger, instanceId: holder } = this.base;
    this.#joining = startProjection({ view: PROFILE_VIEW, connection, log, peers, logger, holder });
    await this.#joining;
  }

  async handOver(): Promise<void> {
    const projection = await this.#joining?.catch(() => undefined);
    await projection?.stop();
  }

  stop(): Promise<void> {
    return this.handOver();
  }
}
