import { defineConfig } from '@magpie/service';
import { z } from 'zod';

const integer = (fallback: number, min = 1, max = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(min).max(max).default(fallback);
const port = (fallback: number) => integer(fallback, 0, 65_535);

/** Every setting of the gateway; the README's table lists the same. */
export const readConfig = defineConfig({
  GATEWAY_HOST: z.string().default('127.0.0.1'),
  GATEWAY_HTTP_PORT: port(8080),
  GATEWAY_TCP_PORT: port(8081),
  GATEWAY_CLEARTEXT: z.enum(['refuse', 'allow']).default('refuse'),
  GATEWAY_CORS_ORIGIN: z.string().default('*'),
  GATEWAY_LINKS_MAX: integer(100_000),
  GATEWAY_COMMAND_TIMEOUT_MS: integer(10_000),
  GATEWAY_HEARTBEAT_INTERVAL_MS: integer(270_000),
  GATEWAY_IDLE_MS: integer(900_000),
  GATEWAY_OPEN_HALF_FRAME_MS: integer(10_000),
  GATEWAY_HALF_FRAME_MS: integer(60_000),
  GATEWAY_LINK_REQUESTS_PER_SECOND: integer(200),
  GATEWAY_LINK_REQUESTS_BURST: integer(400),
  GATEWAY_USER_REQUESTS_PER_SECOND: integer(400),
  GATEWAY_USER_REQUESTS_BURST: integer(800),
  GATEWAY_BYTES_PER_SECOND: integer(4 * 1024 * 1024),
  GATEWAY_SESSION_CHECK_MS: integer(60_000),
  GATEWAY_DRAIN_MS: integer(5_000, 0),
  GATEWAY_RECONNECT_SPREAD_MS: integer(5_000, 0),
});

export type Config = ReturnType<typeof readConfig>;
