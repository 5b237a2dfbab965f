import { setTimeout as after } from 'node:timers/promises';
import { unavailable } from '@magpie/domain';
import type { ArchiveLag } from './find-copies.js';

/** How long a look may wait for the archive to hold what was appended before it was asked for. */
const WITHIN_MS = 2_500;
const LOOK_MS = 50;
/** What another process has appended may be noticed so late by who tells how far the archive is. */
const NOTICED_MS = 1_000;

/**
 * Looks into the archive until that finds enough, or until the archive holds all that was appended before the question:
 * what is missing then is not there. Throws UNAVAILABLE when neither is so within 2.5 s.
 */
export async function lookInto<Found>(
  archive: ArchiveLag,
  conversation: string,
  look: () => Promise<Found>,
  enough: (found: Found) => boolean,
): Promise<Found> {
  const begunAt = performance.now();
  for (;;) {
    const askedAt = performance.now();
    // What the archive held by then is looked at afterwards.
    const sureMs = askedAt - begunAt - NOTICED_MS;
    const isSure = sureMs >= 0 && (await archive.lagMs(conversation)) <= sureMs;
    const found = await look();
    if (isSure || enough(found)) return found;
    if (askedAt - begunAt > WITHIN_MS) throw unavailable('the message archive');
    await after(LOOK_MS);
  }
}
