import { EVENTS, event, messaging } from '@magpie/contracts';
import { foldMembership, membershipFrom, NO_MEMBERSHIP, unavailable } from '@magpie/domain';
import type { Appended } from '@magpie/event-log';
import { GrpcServer, type Handlers } from '@magpie/grpc';
import { silentLogger } from '@magpie/observability';

const CHANGED = 'magpie.messaging.v1.GroupChanged';
const TOPIC = 'messaging.message.v1';
const CLOSE_MS = 1_000;

/** A commit of a group that stands in the log. */
interface Commit extends Appended {
  readonly key: string;
  readonly version: number;
  readonly events: event.Event[];
}

/** Messaging as sync knows it: who is in which group when, and the commits of groups. It knows what it is told. */
export class Messaging {
  readonly commits: Commit[] = [];
  /** What it has published besides, by topic. */
  readonly states = new Map<string, event.ReadEventsResponse_Entry[]>();
  /** Delivered positions that it was told, in their order. */
  readonly delivered: messaging.MarkDeliveredRequest_Mark[] = [];
  /** Groups that it was asked about. */
  readonly asked: string[] = [];
  isAway = false;
  /** Questions that were not answered. */
  turnedAway = 0;
  readonly #server: GrpcServer;

  constructor(credential: string) {
    this.#server = new GrpcServer({ credential, logger: silentLogger() });
  }

  /** Starts it; answers its address. */
  async start(): Promise<string> {
    const { methods } = messaging.MessagingServiceDefinition;
    const nobody = () => Promise.reject(new Error('not asked here'));
    const handlers = {
      ...Object.fromEntries(Object.keys(methods).map((name) => [name, nobody])),
      readMembership: ({ wanted }: messaging.ReadMembershipRequest) => {
        if (this.isAway) return Promise.reject(unavailable(`answer ${++this.turnedAway}`));
        return Promise.resolve({ memberships: wanted.map((one) => this.#membership(one)) });
      },
      markDelivered: async ({ marks }: messaging.MarkDeliveredRequest) => {
        this.delivered.push(...marks);
        return {};
      },
    };
    this.#server.serve(
      messaging.MessagingServiceDefinition,
      handlers as Partial<
        Handlers<messaging.MessagingServiceDefinition>
      > as Handlers<messaging.MessagingServiceDefinition>,
    );
    this.#server.serve(event.EventStoreServiceDefinition, {
      readEvents: ({ topic }) =>
        Promise.resolve(event.ReadEventsResponse.fromPartial({ entries: this.#streams(topic) })),
    });
    return this.#server.listen('127.0.0.1:0');
  }

  stop(): Promise<void> {
    return this.#server.close(CLOSE_MS);
  }

  #membership({ conversation, beforePosition }: messaging.ReadMembershipRequest_Wanted) {
    this.asked.push(conversation);
    const own = this.commits.filter(({ key }) => key === conversation);
    const membership = own.reduce((before, { version, position, events }) => {
      const { joined, left } = EVENTS[CHANGED].decode(events[0]!.body);
      return foldMembership(before, { version, position, joined, left });
    }, NO_MEMBERSHIP);
    const { version, intervals } = membershipFrom(membership, beforePosition);
    const told = [...intervals].flatMap(([userId, all]) =>
      all.map(({ joined, left }) => ({ userId, joined, left: left === Infinity ? 0 : left })),
    );
    return { conversation, version, intervals: told };
  }

  #streams(topic: string): event.ReadEventsResponse_Entry[] {
    if (topic !== TOPIC) return this.states.get(topic) ?? [];
    return [...Map.groupBy(this.commits, ({ key }) => key).values()].flat();
  }
}
