import { event } from '@magpie/contracts';
import { EventReader, EventStore, Outbox, type Commit } from '@magpie/event-store';
import { silentLogger } from '@magpie/observability';
import { defineConfig, served, startServices, type RunningServices, type ServiceDefinition } from '@magpie/service';
import { randomUUID } from 'node:crypto';
import { profileChanged } from './builders.js';

/** Arguments of `profileChanged`: what a commit of the store says. */
export type ProfileState = Parameters<typeof profileChanged>;

const TOPIC = 'social.profile.v1';
const STREAM = 'profile:';
const STORE_READY = Symbol('STORE_READY');

const publish = ({ stream, events }: Commit) => ({
  topic: TOPIC as typeof TOPIC,
  key: stream.slice(STREAM.length),
  events: events.map(({ data }) => profileChanged(...(data as { state: ProfileState }).state)),
});

class SocialModule {}

/** The owner of profiles as sync knows it: a store, what is published from it, and who asks it for all. Real: all of it. */
export class Social {
  #store: EventStore | undefined;
  #service: RunningServices | undefined;

  /** Starts it; answers its address. */
  async start(env: NodeJS.ProcessEnv): Promise<string> {
    const definition: ServiceDefinition = {
      name: 'social',
      config: defineConfig({}),
      database: true,
      log: true,
      module: ({ connection, log, logger, instanceId: holder }) => {
        const store = (this.#store = new EventStore({ connection, logger }));
        const outbox = new Outbox({ store, log, logger, holder, topics: [TOPIC], publish });
        return {
          module: SocialModule,
          providers: [
            { provide: STORE_READY, useValue: { start: () => store.init() } },
            { provide: Outbox, useValue: outbox },
            { provide: EventReader, useValue: new EventReader({ store, publish, streams: streams() }) },
          ],
        };
      },
      handlers: (get) => [served(event.EventStoreServiceDefinition, get(EventReader))],
      components: [STORE_READY, Outbox],
    };
    const own = { MAGPIE_ENDPOINTS: JSON.stringify({ social: ['127.0.0.1:0'] }), MAGPIE_INSTANCE: '0' };
    this.#service = await startServices([definition], { env: { ...env, ...own }, logger: silentLogger() });
    return this.#service.addresses['social']!;
  }

  async change(...state: ProfileState): Promise<void> {
    await this.#store!.execute({
      stream: STREAM + state[0].userId,
      fold: { initial: undefined, evolve: () => undefined },
      decide: () => [{ type: 'Changed', version: 1, data: { state } }],
      commandId: randomUUID(),
      now: Date.now(),
    });
  }

  async stop(): Promise<void> {
    await this.#service?.stop();
  }
}

/** The other topics of its have no streams here. */
function streams() {
  return { [TOPIC]: STREAM, 'social.friendship.v1': 'friendship:', 'social.friend-request.v1': 'friend-request:' };
}
