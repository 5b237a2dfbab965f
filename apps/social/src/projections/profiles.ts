import { startProjection, type Projection } from '@magpie/event-store';
import type { Component, ServiceBase } from '@magpie/service';
import { PROFILE_VIEW } from './profile.projection.js';

/** Keeps `view_profile` in step with the accounts, and rebuilds it when asked. */
export class Profiles implements Component {
  #projection: Projection | undefined;

  constructor(private readonly base: ServiceBase) {}

  async start(): Promise<void> {
    const { connection, log, peers, logger, instanceId: holder } = this.base;
    this.#projection = await startProjection({ view: PROFILE_VIEW, connection, log, peers, logger, holder });
  }

  async stop(): Promise<void> {
    await this.#projection?.stop();
  }
}
