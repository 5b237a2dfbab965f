import type { Logger } from '@magpie/observability';

const LOOK_MS = 50;
const TELL_MS = 5_000;

export interface AllBegunParts {
  /** The feeds that have a checkpoint, by partition. */
  readonly begun: () => Promise<ReadonlyMap<number, unknown>>;
  readonly partitions: number;
  readonly stopped: () => boolean;
  readonly logger: Logger;
}

/** Resolves when every feed has begun, or when stopped; says every few seconds which have not. */
export async function allBegun({ begun, partitions, stopped, logger }: AllBegunParts): Promise<void> {
  const since = performance.now();
  let told = since;
  while (!stopped()) {
    const there = await begun();
    if (there.size >= partitions) return;
    if (performance.now() - told >= TELL_MS) {
      told = performance.now();
      const missing = Array.from({ length: partitions }, (_, partition) => partition).filter((one) => !there.has(one));
      logger.warn({ missing, waitedMs: Math.round(told - since) }, 'fan-out waits for feeds that have not begun');
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
