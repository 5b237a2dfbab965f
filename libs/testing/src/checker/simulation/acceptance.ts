import type { Bug } from './bugs.js';
import { presentMembers, type Log } from './log.js';

/** Steps; in the proportions of machinery.md §3.2: younger goes the fast way, a lane waits so long, repeats are known. */
export const STEPS = { fast: 40, lane: 20, repeatsKnown: 80 } as const;

/** One attempt to send some messages of one conversation. */
export interface Request {
  readonly sender: string;
  readonly messageIds: readonly string[];
  readonly firstSentAt: number;
  readonly results: Map<string, 'ok' | 'refused'>;
}

interface Waiting {
  readonly request: Request;
  readonly messageId: string;
  readonly acceptedAt: number;
}

const LANES = 2;

/** What messaging decides about the sends of one conversation: refused, known, or appended and then acknowledged. */
export class Acceptance {
  private lanes: Waiting[][] = Array.from({ length: LANES }, () => []);
  private readonly archive = new Set<string>();

  constructor(
    private readonly log: Log,
    private readonly bug: Bug | undefined,
  ) {}

  accept(request: Request, now: number): void {
    const { fast, repeatsKnown } = STEPS;
    const isSlow = now - request.firstSentAt > fast || now - this.log.madeAt < repeatsKnown;
    request.messageIds.forEach((messageId, index) => {
      if (isSlow && this.bug !== 'skipsArchive' && this.archive.has(messageId)) request.results.set(messageId, 'ok');
      else if (!presentMembers(this.log).has(request.sender)) request.results.set(messageId, 'refused');
      else {
        const lane = this.bug === 'twoLanes' ? index % LANES : 0;
        this.lanes[lane]!.push({ request, messageId, acceptedAt: now });
        if (this.bug === 'acknowledgesBeforeLog') request.results.set(messageId, 'ok');
      }
    });
  }

  /** Appends the first `most` records of a lane and acknowledges them. */
  flush(lane: number, most: number, now: number): void {
    for (const { request, messageId, acceptedAt } of this.lanes[lane % LANES]!.splice(0, most)) {
      if (now - acceptedAt > STEPS.lane) continue;
      this.log.records.push({ kind: 'message', messageId, sender: request.sender, at: now });
      this.archive.add(messageId);
      const isRefused = this.bug === 'refusesAfterAppend' && !presentMembers(this.log).has(request.sender);
      request.results.set(messageId, isRefused ? 'refused' : 'ok');
    }
  }

  /** What is in the lanes is gone, and nobody is told. */
  crash(): void {
    this.lanes = this.lanes.map(() => []);
  }
}
