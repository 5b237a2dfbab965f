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
  SYNC_PUSH_APNS_ENDPOINT: z.url().default('https://api.push.apple.com'),
  SYNC_PUSH_APNS_KEY_FILE: z.string().optional(),
  SYNC_PUSH_APNS_KEY_ID: z.string().optional(),
  SYNC_PUSH_APNS_TEAM_ID: z.string().optional(),
  SYNC_PUSH_APNS_TOPIC: z.string().optional(),
  SYNC_PUSH_FCM_ENDPOINT: z.url().default('https://fcm.googleapis.com'),
  SYNC_PUSH_FCM_ACCOUNT_FILE: z.string().optional(),
});

export type SyncConfig = ReturnType<typeof syncConfig>;
