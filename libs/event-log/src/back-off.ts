import { setTimeout as after } from 'node:timers/promises';
import { RETRY_FIRST_MS, RETRY_MAX_MS } from './limits.js';

/**
 * Waits before try number `attempt` + 1: doubling, bounded, spread by half so that many do not come at once. Not longer
 * than until `over`.
 */
export async function backOff(attempt: number, over?: AbortSignal): Promise<void> {
  const full = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempt - 1, 10));
  const waiting = after(full * (0.5 + Math.random() / 2), undefined, over ? { signal: over } : {});
  await waiting.catch(() => undefined);
}

export async function pause(ms: number): Promise<void> {
  await after(ms);
}
