/** Times of every message of a stage, in ms since its start, and what was wrong with them. */
export class Tally {
  readonly dueAt: Float64Array;
  readonly sentAt: Float64Array;
  readonly ackedAt: Float64Array;
  readonly deliveredAt: Float64Array;
  /** Index of the conversation a message belongs to, in the direction it goes. */
  readonly lane: Int32Array;
  sent = 0;
  acked = 0;
  delivered = 0;
  repeated = 0;
  misordered = 0;
  readonly refusals = new Map<string, number>();
  readonly #lastOfLane = new Map<number, number>();

  constructor(readonly capacity: number) {
    this.dueAt = new Float64Array(capacity).fill(NaN);
    this.sentAt = new Float64Array(capacity).fill(NaN);
    this.ackedAt = new Float64Array(capacity).fill(NaN);
    this.deliveredAt = new Float64Array(capacity).fill(NaN);
    this.lane = new Int32Array(capacity);
  }

  ack(message: number, at: number): void {
    this.ackedAt[message] = at;
    this.acked++;
  }

  refuse(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  /** The first time counts; a second one is an error, so is one that comes before what was sent before it. */
  deliver(message: number, at: number): void {
    if (!Number.isNaN(this.deliveredAt[message]!)) {
      this.repeated++;
      return;
    }
    this.deliveredAt[message] = at;
    this.delivered++;
    const lane = this.lane[message]!;
    if ((this.#lastOfLane.get(lane) ?? -1) > message) this.misordered++;
    this.#lastOfLane.set(lane, Math.max(message, this.#lastOfLane.get(lane) ?? -1));
  }

  /** Messages that were acknowledged and have not been delivered. */
  get lost(): number {
    let count = 0;
    for (let i = 0; i < this.sent; i++) {
      if (!Number.isNaN(this.ackedAt[i]!) && Number.isNaN(this.deliveredAt[i]!)) count++;
    }
    return count;
  }

  /** Sorted latencies, in ms from the moment a message was due, of those due from `fromMs` on. */
  latencies(times: Float64Array, fromMs: number): Float64Array {
    const found: number[] = [];
    for (let i = 0; i < this.sent; i++) {
      const latency = times[i]! - this.dueAt[i]!;
      if (this.dueAt[i]! >= fromMs && !Number.isNaN(latency)) found.push(latency);
    }
    return Float64Array.from(found).sort();
  }

  /** How many of `times` fall into each second of [fromMs, toMs). */
  perSecond(times: Float64Array, fromMs: number, toMs: number): number[] {
    const counts = Array<number>(Math.ceil((toMs - fromMs) / 1000)).fill(0);
    for (let i = 0; i < this.sent; i++) {
      const second = Math.floor((times[i]! - fromMs) / 1000);
      if (second >= 0 && second < counts.length) counts[second]!++;
    }
    return counts;
  }
}

/** The value below which `share` of the sorted values lie; NaN of none. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
