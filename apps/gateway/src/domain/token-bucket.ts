/** A bucket that fills at a steady rate; the clock comes with each call. */
export class TokenBucket {
  private tokens: number;
  private at: number;

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    nowMs: number,
  ) {
    this.tokens = burst;
    this.at = nowMs;
  }

  /** Takes what is asked, or nothing: 0 = taken, otherwise the ms after which it will be there. */
  take(amount: number, nowMs: number): number {
    this.fill(nowMs);
    // A request larger than the whole bucket passes when the bucket is full, and leaves a debt.
    const missing = Math.min(amount, this.burst) - this.tokens;
    if (missing > 0) return Math.ceil((missing * 1000) / this.perSecond);
    this.tokens -= amount;
    return 0;
  }

  /** Gives back what was taken for something that then was not done. */
  giveBack(amount: number): void {
    this.tokens = Math.min(this.burst, this.tokens + amount);
  }

  /** Whether forgetting it would change nothing. */
  idle(nowMs: number): boolean {
    this.fill(nowMs);
    return this.tokens >= this.burst;
  }

  private fill(nowMs: number): void {
    if (nowMs <= this.at) return;
    this.tokens = Math.min(this.burst, this.tokens + ((nowMs - this.at) * this.perSecond) / 1000);
    this.at = nowMs;
  }
}
