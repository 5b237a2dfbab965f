import type { Clock, Random } from './ports.js';

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = {
  number: () => Math.random(),
  id: () =>
    Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join(''),
};

/** The server's time as last heard of, carried on by the device's own clock. */
export class ServerClock {
  #offsetMs = 0;

  constructor(private readonly clock: Clock) {}

  /** From `server_time_ms` of identify and of every acknowledgement; 0 = not told. */
  learn(serverTimeMs: number): void {
    if (serverTimeMs > 0) this.#offsetMs = serverTimeMs - this.clock.now();
  }

  now(): number {
    return this.clock.now() + this.#offsetMs;
  }
}

export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

/** Exponential back-off with full jitter: uniform in [0, min(max, first · 2^attempt)). */
export function backoffMs(attempt: number, bounds: { firstMs: number; maxMs: number }, random: Random): number {
  return random.number() * Math.min(bounds.maxMs, bounds.firstMs * 2 ** Math.min(attempt, 30));
}

/** `ms` give or take a quarter. */
export function jittered(ms: number, random: Random): number {
  return ms * (0.75 + random.number() / 2);
}
