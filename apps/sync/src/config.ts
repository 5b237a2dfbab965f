import { defineConfig } from '@magpie/service';
import { z } from 'zod';

/** Addresses like https://example.org, separated by commas. */
const origins = z
  .string()
  .default('')
  .transform((list) => list.split(',').filter((origin) => origin !== ''))
  .pipe(z.array(z.url().refine((origin) => URL.canParse(origin) && new URL(origin).origin === origin)))
  .transform((list): ReadonlySet<string> => new Set(list));

/** Settings of the service; each is described in the README. */
export const syncConfig = defineConfig({
  SYNC_INSERT_SPACING_MS: z.coerce.number().int().min(0).max(1_000).default(25),
  SYNC_INSERT_ROWS: z.coerce.number().int().min(1).max(10_000).default(1_000),
  SYNC_PUSH_GRACE_MS: z.coerce.number().int().min(0).max(60_000).default(2_000),
  SYNC_PUSH_VAPID_SUBJECT: z
    .string()
    .regex(/^(mailto:|https:\/\/)./)
    .default('mailto:postmaster@magpie.invalid'),
  SYNC_PUSH_WEB_ORIGINS: origins,
});

export type SyncConfig = ReturnType<typeof syncConfig>;
