import type { Answers } from './chat-model.js';

type Role = 'OWNER' | 'ADMIN' | 'MEMBER';

const OK: Answers = ['OK'];

/** How long a right that was taken away may still be granted (machinery.md §3.3), and what a slow machine adds. */
export const YES_KEPT_MS = 4_000;

/** A group in the simplest terms. Each question answers what the product must answer to that command. */
export class GroupModel {
  readonly roles = new Map<number, Role>();
  /** Who was a member once, and until when. */
  readonly left = new Map<number, number>();
  mutedAll = false;
  /** Who was a member to the end, left then. */
  dissolvedAt: number | undefined;
  /** Since when only owner and admins may write. */
  #mutedAt = 0;

  constructor(
    readonly id: string,
    public name: string,
    owner: number,
    members: readonly number[],
    private readonly now: () => number,
  ) {
    for (const member of members) this.roles.set(member, 'MEMBER');
    this.roles.set(owner, 'OWNER');
  }

  get members(): number[] {
    return [...this.roles.keys()];
  }

  ofMember(by: number): Answers {
    if (this.dissolvedAt !== undefined) return ['EXPIRED'];
    return this.roles.has(by) ? OK : ['NOT_A_MEMBER'];
  }

  ofManager(by: number): Answers {
    return this.roles.get(by) === 'MEMBER' ? ['FORBIDDEN'] : this.ofMember(by);
  }

  ofOwner(by: number): Answers {
    return this.roles.get(by) === 'ADMIN' ? ['FORBIDDEN'] : this.ofManager(by);
  }

  /** By the owner, to another member. */
  ofOwnerTo(by: number, other: number): Answers {
    const answers = this.ofOwner(by);
    if (answers !== OK) return answers;
    if (by === other) return ['INVALID'];
    return this.roles.has(other) ? OK : ['NOT_FOUND'];
  }

  /** `verdict`: whether the one who adds may write to the other. */
  add(by: number, other: number, verdict: Answers): Answers {
    if (by === other) return ['INVALID'];
    const answers = this.ofMember(by);
    if (answers !== OK) return answers;
    return this.roles.has(other) ? ['ALREADY_EXISTS'] : verdict;
  }

  remove(by: number, other: number): Answers {
    const answers = this.ofManager(by);
    if (answers !== OK) return answers;
    if (by === other) return ['INVALID'];
    const role = this.roles.get(other);
    if (role === undefined) return ['NOT_FOUND'];
    return role === 'OWNER' || (role === 'ADMIN' && this.roles.get(by) === 'ADMIN') ? ['FORBIDDEN'] : OK;
  }

  leave(by: number): Answers {
    return this.roles.get(by) === 'OWNER' ? ['FORBIDDEN'] : this.ofMember(by);
  }

  write(from: number): Answers {
    const isLate = (since: number): boolean => this.now() - since > YES_KEPT_MS;
    const refusal = this.ofMember(from);
    if (refusal !== OK) return isLate(this.left.get(from) ?? 0) ? refusal : ['OK', ...refusal];
    if (!this.mutedAll || this.roles.get(from) !== 'MEMBER') return OK;
    return isLate(this.#mutedAt) ? ['MUTED'] : ['OK', 'MUTED'];
  }

  joined(user: number): void {
    this.roles.set(user, 'MEMBER');
  }

  gone(user: number): void {
    this.roles.delete(user);
    this.left.set(user, this.now());
  }

  transferred(from: number, to: number): void {
    this.roles.set(from, 'MEMBER').set(to, 'OWNER');
    if (this.mutedAll) this.#mutedAt = this.now();
  }

  setAdmin(user: number, admin: boolean): void {
    this.roles.set(user, admin ? 'ADMIN' : 'MEMBER');
    if (this.mutedAll) this.#mutedAt = this.now();
  }

  mute(all: boolean): void {
    this.mutedAll = all;
    this.#mutedAt = this.now();
  }

  dissolve(): void {
    this.dissolvedAt = this.now();
    for (const user of this.members) {
      this.roles.delete(user);
      this.left.set(user, this.dissolvedAt);
    }
  }
}
