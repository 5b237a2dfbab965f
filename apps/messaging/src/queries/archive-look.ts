import { setTimeout as after } from 'node:timers/promises';
import { unavailable } from '@magpie/domain';
import type { ArchiveLag } from './find-copies.js';

/** How long a look may wait for the archive to hold what was appended before it was asked for. */
const WITHIN_MS = 1_500;
const LOOK_MS = 50;

/**
 * Looks into the archive until that finds enough, or until the archive holds all that was appended before the question.
 * Throws UNAVAILABLE when neither is so within 1.5 s.
 */
export async function lookInto<Found>(
  archive: ArchiveLag,
  conversation: string,
  look: () => Promise<Found>,
  enough: (found: Found) => boolean,
): Promise<Found> {
  const begunAt = performance.now();
  const first = await look();
  if (enough(first)) return first;
  for (;;) {
    const askedAt = performance.now();
    // The lag is taken before the look: an archive that catches up between the two only knows more.
    const lagMs = await archive.lagMs(conversation);
    const found = await look();
    if (enough(found) || lagMs <= askedAt - begunAt) return found;
    if (askedAt - begunAt > WITHIN_MS) throw unavailable('the message archive');
    await after(LOOK_MS);
  }
}
