import { RENEWAL_SPACING_MS, REQUEST_TTL_MS } from '../src/domain/limits.js';

export interface ModelRequest {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  at: number;
  state: 'PENDING' | 'ACCEPTED' | 'REFUSED' | 'EXPIRED';
}

/** Who has whom, who blocks whom and what was asked, in the simplest terms; refusals are thrown as their codes. */
export class PeopleModel {
  readonly has = new Set<string>();
  readonly blocked = new Set<string>();
  readonly remarks = new Map<string, string>();
  readonly requests: ModelRequest[] = [];
  /** Who lets everybody in. */
  readonly open = new Set<string>();
  /** `<user> <way>`: not to be found so. */
  readonly hidden = new Set<string>();

  /** The request that is asked again or joined; undefined = a new one, which is to be told by `asked`. */
  ask(from: string, to: string, way: string, now: number): ModelRequest | undefined {
    if (this.areFriends(from, to)) throw 'ALREADY_EXISTS';
    if (this.blocked.has(`${to}>${from}`)) throw 'BLOCKED';
    const open = this.#open(from, to, now);
    const joins = open !== undefined && open.from !== from;
    if (!joins && this.hidden.has(`${to} ${way}`) && !this.has.has(`${to}>${from}`)) throw 'FORBIDDEN';
    if (joins || this.open.has(to)) this.#befriend(from, to);
    if (open === undefined) return undefined;
    if (joins || this.open.has(to)) open.state = 'ACCEPTED';
    else if (now < open.at + RENEWAL_SPACING_MS) throw 'LIMITED';
    else open.at = now;
    return open;
  }

  asked(id: string, from: string, to: string, now: number): void {
    this.requests.push({ id, from, to, at: now, state: this.open.has(to) ? 'ACCEPTED' : 'PENDING' });
  }

  answer(by: string, request: ModelRequest, accept: boolean, now: number): void {
    const wanted = accept ? 'ACCEPTED' : 'REFUSED';
    if (by !== request.to) throw 'FORBIDDEN';
    if (request.state === wanted) return;
    if (request.state === 'ACCEPTED' || request.state === 'REFUSED') throw 'CONFLICT';
    if (request.state === 'EXPIRED' || now >= request.at + REQUEST_TTL_MS) throw 'EXPIRED';
    if (accept && this.blocked.has(`${request.from}>${by}`)) throw 'BLOCKED';
    request.state = wanted;
    if (accept) this.#befriend(by, request.from);
  }

  expire(now: number): void {
    for (const request of this.requests) {
      if (request.state === 'PENDING' && now >= request.at + REQUEST_TTL_MS) request.state = 'EXPIRED';
    }
  }

  remove(by: string, other: string): void {
    this.has.delete(`${by}>${other}`);
    this.remarks.delete(`${by}>${other}`);
  }

  edit(by: string, other: string, remark: string): void {
    if (!this.has.has(`${by}>${other}`)) throw 'NOT_FRIENDS';
    this.remarks.set(`${by}>${other}`, remark);
  }

  areFriends(one: string, other: string): boolean {
    return this.has.has(`${one}>${other}`) && this.has.has(`${other}>${one}`);
  }

  verdict(from: string, to: string): string {
    if (from === to) return 'OK';
    if (this.blocked.has(`${from}>${to}`) || this.blocked.has(`${to}>${from}`)) return 'BLOCKED';
    return this.areFriends(from, to) ? 'OK' : 'NOT_FRIENDS';
  }

  #befriend(one: string, other: string): void {
    this.has.add(`${one}>${other}`).add(`${other}>${one}`);
  }

  #open(one: string, other: string, now: number): ModelRequest | undefined {
    return this.requests.findLast(
      ({ from, to, at, state }) =>
        [`${one}>${other}`, `${other}>${one}`].includes(`${from}>${to}`) &&
        state === 'PENDING' &&
        now < at + REQUEST_TTL_MS,
    );
  }
}
