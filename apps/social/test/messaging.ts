import { EVENTS, event, messaging } from '@magpie/contracts';
import { GrpcServer, type Handlers } from '@magpie/grpc';
import { silentLogger } from '@magpie/observability';

type Definition = messaging.MessagingServiceDefinition;

const CHANGED = 'magpie.messaging.v1.GroupChanged';
const CLOSE_MS = 1_000;

/** Messaging as social knows it: the members of groups, as its view shows them and as its store has them. */
export class Messaging {
  /** Members by commit of each group, by group id. */
  readonly #commits = new Map<string, readonly string[][]>();
  /** How many commits the view lacks. */
  lag = 0;
  readonly #server: GrpcServer;

  constructor(credential: string) {
    this.#server = new GrpcServer({ credential, logger: silentLogger() });
  }

  /** Starts it; answers its address. */
  start(): Promise<string> {
    const { methods } = messaging.MessagingServiceDefinition;
    const nobody = () => Promise.reject(new Error('not asked here'));
    const handlers: Partial<Handlers<Definition>> = {
      ...Object.fromEntries(Object.keys(methods).map((name) => [name, nobody])),
      readMembership: ({ wanted }) =>
        Promise.resolve({ memberships: wanted.map(({ conversation }) => this.#seen(conversation)) }),
    };
    this.#server.serve(messaging.MessagingServiceDefinition, handlers as Handlers<Definition>);
    this.#server.serve(event.EventStoreServiceDefinition, {
      readEvents: ({ key, fromVersion }) => {
        const entries = this.#of(key).map((members, index) => ({
          key,
          version: index + 1,
          events: [changed(members)],
        }));
        const wanted = entries.filter(({ version }) => version >= fromVersion);
        return Promise.resolve(event.ReadEventsResponse.fromPartial({ entries: wanted }));
      },
    });
    return this.#server.listen('127.0.0.1:0');
  }

  stop(): Promise<void> {
    return this.#server.close(CLOSE_MS);
  }

  /** One more commit of a group. */
  setMembers(groupId: string, members: readonly string[]): void {
    this.#commits.set(groupId, [...(this.#commits.get(groupId) ?? []), [...members]]);
  }

  #of(conversation: string): readonly string[][] {
    return this.#commits.get(conversation.slice('g.'.length)) ?? [];
  }

  #seen(conversation: string): messaging.ReadMembershipResponse_Membership {
    const commits = this.#of(conversation);
    const version = Math.max(0, commits.length - this.lag);
    const intervals = (commits[version - 1] ?? []).map((userId) => ({ userId, joined: 1, left: 0 }));
    const gone = (commits[version - 2] ?? []).map((userId) => ({ userId, joined: 1, left: 2 }));
    return { conversation, version, intervals: [...gone, ...intervals] };
  }
}

function changed(members: readonly string[]): event.Event {
  const group = messaging.Group.fromPartial({ members: members.map((userId) => ({ userId })) });
  const body = EVENTS[CHANGED].encode({ group, joined: [], left: [], by: '', changedAtMs: 1 }).finish();
  return event.Event.fromPartial({ type: CHANGED, body });
}
