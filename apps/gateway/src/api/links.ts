import type { wire } from '@magpie/contracts';
import type { Identity } from '../domain/identity.js';
import type { Link } from './link.js';

export interface LinkTimes {
  readonly idleMs: number;
  readonly openHalfFrameMs: number;
  readonly halfFrameMs: number;
}

/** All long links of this process. */
export class Links {
  private readonly all = new Set<Link>();
  private readonly bySession = new Map<string, Set<Link>>();

  constructor(private readonly times: LinkTimes) {}

  get count(): number {
    return this.all.size;
  }

  get busy(): boolean {
    return [...this.all].some((link) => link.busy);
  }

  add(link: Link): void {
    this.all.add(link);
  }

  remove(link: Link): void {
    this.all.delete(link);
    if (link.identity !== undefined) this.forgetSession(link, link.identity.sessionId);
  }

  /** The link speaks for this session from now on. */
  identify(link: Link, identity: Identity): void {
    if (link.identity !== undefined) this.forgetSession(link, link.identity.sessionId);
    link.trust(identity);
    const links = this.bySession.get(identity.sessionId);
    if (links === undefined) this.bySession.set(identity.sessionId, new Set([link]));
    else links.add(link);
  }

  sessions(): string[] {
    return [...this.bySession.keys()];
  }

  /** Closes the session's links, after the answers under way: among them may be the one to what ended the session. */
  endSession(sessionId: string, error: wire.Error): void {
    for (const link of [...(this.bySession.get(sessionId) ?? [])]) link.dismissAfterAnswers('session-revoked', error);
  }

  /** Closes links that were silent for too long, as a whole or within a frame. */
  sweep(now: number): void {
    for (const link of this.all) {
      const halfFrameMs = link.identity === undefined ? this.times.openHalfFrameMs : this.times.halfFrameMs;
      if (link.halfFrameSince !== undefined && now - link.halfFrameSince > halfFrameMs) link.close('half-frame');
      else if (now - link.heardAt > this.times.idleMs) link.close('idle');
    }
  }

  each(visit: (link: Link) => void): void {
    for (const link of [...this.all]) visit(link);
  }

  private forgetSession(link: Link, sessionId: string): void {
    const links = this.bySession.get(sessionId);
    if (links?.delete(link) && links.size === 0) this.bySession.delete(sessionId);
  }
}
