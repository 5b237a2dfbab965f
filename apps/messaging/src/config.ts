import { z } from 'zod';
import { defineConfig } from '@magpie/service';

/** Every setting of messaging; README.md, "Settings", says what each means. */
export const config = defineConfig({
  MESSAGING_STRANGERS: z.enum(['allow', 'deny']).default('deny'),
});

export type MessagingConfig = ReturnType<typeof config>;
