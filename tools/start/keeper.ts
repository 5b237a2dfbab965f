import { setTimeout as delay } from 'node:timers/promises';

import type { Exit } from '@magpie/testing';

import { createBackoff } from './backoff.js';

/** One life of a process. */
export interface Life {
  readonly pid: number;
  stop(graceMs: number): Promise<unknown>;
}

/** Something that is to run for as long as the supervisor does. */
export interface Part {
  readonly name: string;
  /** Starts it once; after it has resolved, `onExit` hears of its end. */
  start(onExit: (exit: Exit) => void): Promise<Life>;
}

/** A part that is started again whenever it ends by itself. */
export interface Kept {
  readonly name: string;
  /** undefined while it is down. */
  pid(): number | undefined;
  /** Ends it for good. */
  stop(graceMs: number): Promise<void>;
}

const HELD_LOOK_MS = 100;

/** What the keeper tells while it works, and asks. */
export interface KeeperEvents {
  /** A line for people. */
  say(line: string): void;
  /** The pid of the part changed. */
  changed(): void;
  /** Whether the part, having ended, is to stay down for now. */
  held(name: string): boolean;
}

/** Starts `part` and keeps it running. Throws what its first start throws. */
export async function keep(part: Part, { say, changed, held }: KeeperEvents): Promise<Kept> {
  const backoff = createBackoff();
  const stopping = new AbortController();
  let life: Life | undefined;
  let busy: Promise<void> = Promise.resolve();

  async function live(): Promise<void> {
    let over = false;
    const startedAt = Date.now();
    const next = await part.start((exit) => {
      over = true;
      life = undefined;
      if (!stopping.signal.aborted) restart(endOf(exit), Date.now() - startedAt, exit.code === 0);
    });
    if (!over) life = next;
    changed();
  }

  function restart(reason: string, livedMs: number, inOrder = false): void {
    const delayMs = backoff.next(livedMs, inOrder);
    say(`${part.name} ${reason}; starting it again in ${delayMs} ms`);
    changed();
    busy = busy.then(() => again(delayMs));
  }

  async function again(delayMs: number): Promise<void> {
    const pause = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
    await pause(delayMs);
    while (held(part.name) && !stopping.signal.aborted) await pause(HELD_LOOK_MS);
    if (stopping.signal.aborted) return;
    try {
      await live();
      say(`${part.name} runs again${life ? ` (process ${life.pid})` : ''}`);
    } catch (error) {
      if (!stopping.signal.aborted) restart(`did not start: ${(error as Error).message}`, 0);
    }
  }

  await live();
  return {
    name: part.name,
    pid: () => life?.pid,
    stop: async (graceMs) => {
      stopping.abort();
      await Promise.race([busy, delay(graceMs, undefined, { ref: false })]);
      await life?.stop(graceMs);
    },
  };
}

const endOf = ({ code, signal }: Exit): string => (signal ? `was ended by ${signal}` : `ended with code ${code}`);
