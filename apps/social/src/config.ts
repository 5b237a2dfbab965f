import { defineConfig } from '@magpie/service';

/** Social has no settings of its own yet. */
export const config = defineConfig({});
