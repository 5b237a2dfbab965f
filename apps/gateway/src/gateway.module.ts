import { Module, type DynamicModule } from '@nestjs/common';
import { auth, toWireError, partitionsOf } from '@magpie/contracts';
import { descriptors } from '@magpie/contracts/descriptor';
import { DomainError } from '@magpie/domain';
import type { Component, ServiceBase, ServiceDefinition } from '@magpie/service';
import { commandTable } from './api/command-table.js';
import { Dispatcher } from './api/dispatcher.js';
import { ConnectionAllowances, Door, trustOf } from './api/door.js';
import { Links } from './api/links.js';
import { LongLink } from './api/long-link.js';
import { ShortLink } from './api/short-link.js';
import { FeedStreams } from './clients/feed-streams.client.js';
import { exchangeServices } from './clients/services.client.js';
import { SessionKeys } from './clients/session-keys.client.js';
import { Authenticate } from './commands/authenticate.js';
import { readConfig, type Config } from './config.js';
import { UserAllowances, type Rates } from './domain/allowance.js';
import { ALLOWANCE_USERS_MAX, REVOKED_KEEP_MS } from './domain/limits.js';
import { RevokedSessions } from './domain/revoked-sessions.js';
import { Feeds } from './reactions/feeds.reaction.js';
import { OnSessionRevoked, SESSION_TOPIC } from './reactions/on-session-revoked.reaction.js';
import { SessionCheck } from './reactions/session-check.reaction.js';

const REVOCATIONS = Symbol('REVOCATIONS');
const SESSION_CHECK = Symbol('SESSION_CHECK');
const FEEDS = Symbol('FEEDS');
const DOOR = Symbol('DOOR');

@Module({})
class GatewayModule {}

/** The door of client apps. */
export const gateway: ServiceDefinition<Config> = {
  name: 'gateway',
  config: readConfig,
  // For the checkpoints of the one topic that it reads.
  database: true,
  log: true,
  module: (base, config): DynamicModule => {
    const parts = wire(base, config);
    return {
      module: GatewayModule,
      providers: [
        { provide: REVOCATIONS, useValue: parts.revocations },
        { provide: SESSION_CHECK, useValue: parts.sessionCheck },
        { provide: FEEDS, useValue: parts.feedStreams },
        { provide: DOOR, useValue: parts.door },
      ],
    };
  },
  components: [REVOCATIONS, SESSION_CHECK, FEEDS, DOOR],
};

function wire(base: ServiceBase, config: Config) {
  const { logger, peers } = base;
  const { linkRates, userRates } = ratesOf(config);
  const registry = descriptors();
  const table = commandTable(registry);
  const errorSchema = registry.getMessage('magpie.wire.v1.Error');
  if (errorSchema === undefined) throw new Error('the descriptors do not know the error message');

  const links = new Links({
    idleMs: config.GATEWAY_IDLE_MS,
    openHalfFrameMs: config.GATEWAY_OPEN_HALF_FRAME_MS,
    halfFrameMs: config.GATEWAY_HALF_FRAME_MS,
  });
  const sessions = sessionParts(base, config, links);
  const feedStreams = new FeedStreams(peers, logger);
  const feeds = new Feeds(feedStreams);
  const services = exchangeServices({
    peers,
    ownerOf: (userId) => feeds.ownerOf(userId),
    timeoutMs: config.GATEWAY_COMMAND_TIMEOUT_MS,
  });
  const dispatcher = new Dispatcher(services, new UserAllowances(userRates, ALLOWANCE_USERS_MAX), logger);
  const { authenticate } = sessions;
  const trusts = trustOf(config.GATEWAY_CLEARTEXT);
  const heartbeatIntervalMs = config.GATEWAY_HEARTBEAT_INTERVAL_MS;
  const longLink = new LongLink({ table, dispatcher, authenticate, feeds, links, heartbeatIntervalMs, logger });
  const allowanceOf = new ConnectionAllowances(linkRates).of;
  const corsOrigin = config.GATEWAY_CORS_ORIGIN;
  const shortLink = new ShortLink({ table, errorSchema, dispatcher, authenticate, allowanceOf, trusts, corsOrigin });
  const door = new Door(
    {
      host: config.GATEWAY_HOST,
      httpPort: config.GATEWAY_HTTP_PORT,
      tcpPort: config.GATEWAY_TCP_PORT,
      linksMax: config.GATEWAY_LINKS_MAX,
      linkRates,
      drainMs: config.GATEWAY_DRAIN_MS,
      reconnectSpreadMs: config.GATEWAY_RECONNECT_SPREAD_MS,
    },
    { links, longLink, shortLink, feeds, trusts, logger },
  );
  const feedComponent: Component = {
    start: () => Promise.resolve(feedStreams.start(feeds)),
    stop: () => feedStreams.stop(),
  };
  return { revocations: sessions.revocations, sessionCheck: sessions.sessionCheck, feedStreams: feedComponent, door };
}

/** All that knows of sessions: keys, revocations, the regular check. */
function sessionParts({ log, logger, peers, instance }: ServiceBase, config: Config, links: Links) {
  const client = peers.client('auth', auth.AuthServiceDefinition);
  const check = async (sessionIds: readonly string[]) =>
    (await client.checkSessions({ sessionIds: [...sessionIds] })).revoked;
  const end = (sessionId: string): void => {
    const error = new DomainError('unauthenticated', 'SESSION_REVOKED', 'the session was ended');
    links.endSession(sessionId, toWireError(error));
  };
  const revoked = new RevokedSessions(REVOKED_KEEP_MS);
  const partitions = partitionsOf(SESSION_TOPIC, log.hotPartitions);
  const onRevoked = new OnSessionRevoked({ revoked, end, partitions, logger });
  const keys = new SessionKeys(async () => (await client.listKeys({})).keys);
  const authenticate = new Authenticate({
    key: (keyId) => keys.key(keyId),
    revoked(sessionId) {
      if (revoked.has(sessionId) || onRevoked.complete) return revoked.has(sessionId);
      // Its end may have come by the log while auth was asked.
      return check([sessionId]).then((found) => found.includes(sessionId) || revoked.has(sessionId));
    },
  });
  const sessionCheck = new SessionCheck({
    sessions: () => links.sessions(),
    check,
    end,
    everyMs: config.GATEWAY_SESSION_CHECK_MS,
    logger,
  });
  const consumer = () =>
    log.consume({
      // Every instance reads everything, so each is a group of its own.
      name: `gateway.revocations-${instance}`,
      topics: [SESSION_TOPIC],
      rememberMs: REVOKED_KEEP_MS,
      onPoison: 'stop',
      gain: (at) => onRevoked.gain(at),
    });
  let joining: ReturnType<typeof consumer> | undefined;
  const revocations: Component = {
    // Until it has read everything, auth is asked about each session.
    join: async () => void (await (joining = consumer())),
    stop: async () => {
      const running = await joining?.catch(() => undefined);
      await running?.stop();
    },
  };
  return { authenticate, revocations, sessionCheck };
}

function ratesOf(config: Config): { linkRates: Rates; userRates: Rates } {
  const bytes = { bytesPerSecond: config.GATEWAY_BYTES_PER_SECOND, bytesBurst: 2 * config.GATEWAY_BYTES_PER_SECOND };
  return {
    linkRates: {
      requestsPerSecond: config.GATEWAY_LINK_REQUESTS_PER_SECOND,
      requestsBurst: config.GATEWAY_LINK_REQUESTS_BURST,
      ...bytes,
    },
    userRates: {
      requestsPerSecond: config.GATEWAY_USER_REQUESTS_PER_SECOND,
      requestsBurst: config.GATEWAY_USER_REQUESTS_BURST,
      ...bytes,
    },
  };
}
