import type { Consumer, EventLog } from '@magpie/event-log';
import { startProjection } from '@magpie/event-store';
import { ensureIndexes, type Collection } from '@magpie/mongo';
import type { Component } from '@magpie/service';
import { PROFILE_TOPICS, projectProfile, type ProfileDocument } from './profile.projection.js';

/** Keeps `view_profile` in step with the accounts. */
export class Profiles implements Component {
  #consumer: Consumer | undefined;

  constructor(
    private readonly view: Collection<ProfileDocument>,
    private readonly log: EventLog,
  ) {}

  async start(): Promise<void> {
    await ensureIndexes(this.view, [{ keys: { userName: 1 } }]);
    this.#consumer = await startProjection({
      log: this.log,
      name: 'social.profile',
      topics: PROFILE_TOPICS,
      apply: (record) => projectProfile(this.view, record),
    });
  }

  async stop(): Promise<void> {
    await this.#consumer?.stop();
  }
}
