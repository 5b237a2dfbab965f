import type { DynamicModule, InjectionToken } from '@nestjs/common';
import type { Connection } from '@magpie/mongo';
import type { EventLog } from '@magpie/event-log';
import type { GenericDefinition, GrpcServer, Handlers, Peers, Streams } from '@magpie/grpc';
import type { Logger } from '@magpie/observability';

/** A service's one word: its folder, database and topic prefix. */
export type ServiceName = string;

/** A part of a service with a life of its own: a consumer, a relay, a listener. */
export interface Component {
  start?(): Promise<void>;
  /**
   * Begun after `start`, and what nobody has to wait for before being served: a process that follows one that was killed
   * joins its consumer groups only when Kafka has given that one up. The service is ready when it has resolved.
   */
  join?(): Promise<void>;
  /**
   * Gives up what another instance can go on with, such as partitions; begun for all components at once, before the port
   * is closed, so that nothing is served by nobody for longer than it must. May be called while it joins.
   */
  handOver?(): Promise<void>;
  /** May be called while it joins. */
  stop?(): Promise<void>;
}

/** What every service is given. */
export interface ServiceBase {
  readonly name: ServiceName;
  readonly logger: Logger;
  /** Prefix of everything this installation owns in Kafka and MongoDB. */
  readonly namespace: string;
  /** The service's own database; reading it throws when the definition declares none. */
  readonly connection: Connection;
  /** Reading it throws when the definition declares none. */
  readonly log: EventLog;
  readonly peers: Peers;
  /** Which of the service's instances this is, counted from 0; the same after a restart. */
  readonly instance: number;
  /** Names this start of this instance; never the same twice. */
  readonly instanceId: string;
}

/** Reads a provider out of the service's module. */
export type Get = <T>(token: InjectionToken<T>) => T;

/** A definition with its handlers, ready to be served. */
export type Served = (server: GrpcServer) => void;

/** What a service is; `runService` makes it live. */
export interface ServiceDefinition<Config = unknown> {
  readonly name: ServiceName;
  /** Reads the settings; see `defineConfig`. */
  config(env: NodeJS.ProcessEnv): Config;
  readonly database: boolean;
  /** Whether it appends to or reads the event log; needs a database, for its checkpoints. */
  readonly log: boolean;
  /** The Nest module; providers name what they need by `@Inject(TOKEN)`. */
  module(base: ServiceBase, config: Config): DynamicModule;
  /** What it serves, each made by `served`; a service without has no port for other services. */
  handlers?(get: Get): readonly Served[];
  /** Tokens of components, started in this order and stopped in reverse. */
  readonly components: readonly InjectionToken<Component>[];
}

/** Pairs a definition with its handlers, checked against each other. */
export function served<D extends GenericDefinition>(
  definition: D,
  handlers: Handlers<D>,
  streams?: Streams<D>,
): Served {
  return (server) => server.serve(definition, handlers, streams);
}
