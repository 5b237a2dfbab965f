import { DomainError } from '@magpie/domain';
import { TokenBucket } from './token-bucket.js';

/** What one link, or one user, may ask for. */
export interface Rates {
  readonly requestsPerSecond: number;
  readonly requestsBurst: number;
  readonly bytesPerSecond: number;
  readonly bytesBurst: number;
}

/** Requests and bytes of one link or one user. */
export class Allowance {
  private readonly requests: TokenBucket;
  private readonly bytes: TokenBucket;

  constructor(rates: Rates, nowMs: number) {
    this.requests = new TokenBucket(rates.requestsPerSecond, rates.requestsBurst, nowMs);
    this.bytes = new TokenBucket(rates.bytesPerSecond, rates.bytesBurst, nowMs);
  }

  /** Takes one request of that length: 0 = granted, otherwise the ms to wait. */
  take(bytes: number, nowMs: number): number {
    const wait = this.requests.take(1, nowMs);
    if (wait > 0) return wait;
    const bytesWait = this.bytes.take(bytes, nowMs);
    if (bytesWait > 0) this.requests.giveBack(1);
    return bytesWait;
  }

  /** Takes one request of that length; LIMITED, with the time to wait, when there is no room for it. */
  require(bytes: number, nowMs: number): void {
    const wait = this.take(bytes, nowMs);
    if (wait > 0) throw new DomainError('exhausted', 'LIMITED', 'too many requests', { retryAfterMs: wait });
  }

  idle(nowMs: number): boolean {
    return this.requests.idle(nowMs) && this.bytes.idle(nowMs);
  }
}

/** Least time between two looks for idle users. */
const SWEEP_MS = 1000;

/** The allowances of users, held only while they are in use. */
export class UserAllowances {
  private readonly users = new Map<string, Allowance>();
  private sweptAt = -Infinity;

  constructor(
    private readonly rates: Rates,
    /** How many users are remembered before the idle ones are forgotten; more only while more are busy. */
    private readonly usersMax: number,
  ) {}

  of(userId: string, nowMs: number): Allowance {
    const known = this.users.get(userId);
    if (known !== undefined) return known;
    if (this.users.size >= this.usersMax && nowMs - this.sweptAt >= SWEEP_MS) this.sweep(nowMs);
    const fresh = new Allowance(this.rates, nowMs);
    this.users.set(userId, fresh);
    return fresh;
  }

  /** Forgets those that are full again. */
  private sweep(nowMs: number): void {
    this.sweptAt = nowMs;
    for (const [userId, allowance] of this.users) if (allowance.idle(nowMs)) this.users.delete(userId);
  }
}
