import { defineConfig } from '@magpie/service';
import { z } from 'zod';

/** Settings of the service; each is described in the README. */
export const syncConfig = defineConfig({
  SYNC_INSERT_SPACING_MS: z.coerce.number().int().min(0).max(1_000).default(25),
  SYNC_INSERT_ROWS: z.coerce.number().int().min(1).max(10_000).default(1_000),
});

export type SyncConfig = ReturnType<typeof syncConfig>;
