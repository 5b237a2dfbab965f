import { z } from 'zod';
import { defineConfig } from '@magpie/service';

const milliseconds = (byDefault: number) => z.coerce.number().int().positive().default(byDefault);
const count = (byDefault: number) => z.coerce.number().int().positive().default(byDefault);

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** Every setting of auth; README.md, "Settings", says what each means. */
export const config = defineConfig({
  AUTH_ACCESS_TOKEN_TTL_MS: milliseconds(10 * minuteMs),
  AUTH_REFRESH_TOKEN_TTL_MS: milliseconds(30 * dayMs),
  AUTH_HASH_CONCURRENCY: count(2),
  AUTH_HASH_QUEUE_MAX: count(256),
  AUTH_LOGIN_FAILURES_MAX: count(10),
  AUTH_LOGIN_FAILURES_WINDOW_MS: milliseconds(10 * minuteMs),
});

export type AuthConfig = ReturnType<typeof config>;
