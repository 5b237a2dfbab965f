import { z } from 'zod';
import { ConfigError, defineConfig } from './config.js';

const read = defineConfig({
  DEMO_WINDOW_MS: z.coerce.number().int().min(1).default(500),
  DEMO_NAME: z.string(),
});

describe('defineConfig', () => {
  it('reads its own variables only, with their defaults', () => {
    // Goal: types and defaults come from the schema; an empty variable counts as absent.
    expect(read({ DEMO_NAME: 'x', DEMO_WINDOW_MS: '', OTHER: 'y' })).toEqual({ DEMO_NAME: 'x', DEMO_WINDOW_MS: 500 });
    expect(read({ DEMO_NAME: 'x', DEMO_WINDOW_MS: '20' }).DEMO_WINDOW_MS).toBe(20);
  });

  it('names every variable that is wrong in one line', () => {
    // Goal: whoever starts the service knows what to set.
    expect(() => read({ DEMO_WINDOW_MS: 'soon' })).toThrow(ConfigError);
    expect(() => read({ DEMO_WINDOW_MS: 'soon' })).toThrow(
      /^wrong settings: DEMO_WINDOW_MS: .*; DEMO_NAME is not set$/,
    );
  });
});
