/** Sessions that ended lately: their access tokens may still look good. */
export class RevokedSessions {
  /** Session id → when it may be forgotten; in the order of arrival, which is nearly that of time. */
  private readonly until = new Map<string, number>();

  constructor(
    /** Longer than an access token lives. */
    private readonly keepMs: number,
  ) {}

  add(sessionId: string, revokedAtMs: number, nowMs: number): void {
    for (const [known, until] of this.until) {
      if (until > nowMs) break;
      this.until.delete(known);
    }
    const until = revokedAtMs + this.keepMs;
    if (until > nowMs) this.until.set(sessionId, until);
  }

  has(sessionId: string): boolean {
    return this.until.has(sessionId);
  }

  get size(): number {
    return this.until.size;
  }
}
