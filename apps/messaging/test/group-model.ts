import { GROUP_LIMITS } from '../src/domain/limits.js';

export type Step =
  | { readonly type: 'add'; readonly by: string; readonly users: readonly string[] }
  | { readonly type: 'join'; readonly by: string; readonly invitedBy: string }
  | { readonly type: 'answer'; readonly by: string; readonly userId: string; readonly accept: boolean }
  | { readonly type: 'remove'; readonly by: string; readonly userId: string }
  | { readonly type: 'transfer'; readonly by: string; readonly userId: string }
  | { readonly type: 'leave'; readonly by: string }
  | { readonly type: 'dissolve'; readonly by: string }
  | { readonly type: 'approval'; readonly by: string; readonly needed: boolean }
  | { readonly type: 'admin'; readonly by: string; readonly userId: string; readonly admin: boolean }
  | { readonly type: 'mute'; readonly by: string; readonly userId: string; readonly ms: number }
  | { readonly type: 'wait'; readonly ms: number };

/** A group in the simplest terms; refusals are thrown as their codes. */
export class GroupModel {
  readonly members: Set<string>;
  readonly admins = new Set<string>();
  readonly waiting = new Map<string, string>();
  readonly mutes = new Map<string, number>();
  approvalNeeded = false;
  isDissolved = false;

  constructor(
    public owner: string,
    others: readonly string[],
  ) {
    this.members = new Set([owner, ...others]);
  }

  take(step: Step, now: number): void {
    if (step.type === 'wait') return;
    if (this.isDissolved) throw 'EXPIRED';
    const { by } = step;
    const runs = by === this.owner || this.admins.has(by);
    if (step.type === 'join') return this.#join(by, step.invitedBy);
    if (!this.members.has(by)) throw 'NOT_A_MEMBER';
    switch (step.type) {
      case 'add':
        return step.users.forEach((userId) => this.#add(userId, by, runs));
      case 'leave':
        if (by === this.owner) throw 'FORBIDDEN';
        return this.#drop(by);
      case 'dissolve':
      case 'transfer':
      case 'admin':
        if (by !== this.owner) throw 'FORBIDDEN';
        return this.#own(step);
      default:
        if (!runs) throw 'FORBIDDEN';
        return this.#run(step, now);
    }
  }

  isMuted(userId: string, now: number): boolean {
    return (this.mutes.get(userId) ?? 0) > now;
  }

  #own(step: Step & { type: 'dissolve' | 'transfer' | 'admin' }): void {
    if (step.type === 'dissolve') {
      this.isDissolved = true;
      for (const gone of [this.members, this.admins, this.waiting, this.mutes]) gone.clear();
      return;
    }
    const { by, userId } = step;
    if (userId === by) throw 'INVALID';
    if (!this.members.has(userId)) throw 'NOT_FOUND';
    if (step.type === 'admin') {
      if (!step.admin) this.admins.delete(userId);
      else if (!this.admins.has(userId) && this.admins.size === GROUP_LIMITS.adminsMax) throw 'LIMITED';
      else this.admins.add(userId);
      return;
    }
    this.owner = userId;
    this.admins.delete(userId);
    this.mutes.delete(userId);
  }

  #run(step: Step & { type: 'approval' | 'answer' | 'remove' | 'mute' }, now: number): void {
    if (step.type === 'approval') this.approvalNeeded = step.needed;
    else if (step.type === 'answer') {
      if (!this.waiting.has(step.userId)) throw 'NOT_FOUND';
      if (step.accept) this.#enter(step.userId);
      this.waiting.delete(step.userId);
    } else {
      const { by, userId } = step;
      if (userId === by) throw 'INVALID';
      if (!this.members.has(userId)) throw 'NOT_FOUND';
      if (userId === this.owner || (this.admins.has(userId) && by !== this.owner)) throw 'FORBIDDEN';
      if (step.type === 'remove') this.#drop(userId);
      else if (step.ms === 0) this.mutes.delete(userId);
      else this.mutes.set(userId, now + step.ms);
    }
  }

  #add(userId: string, by: string, runs: boolean): void {
    if (this.members.has(userId)) return;
    if (runs || !this.approvalNeeded) this.#enter(userId);
    else if (!this.waiting.has(userId)) this.waiting.set(userId, by);
  }

  #join(by: string, invitedBy: string): void {
    if (!this.members.has(invitedBy)) throw 'EXPIRED';
    if (this.members.has(by)) return;
    if (!this.approvalNeeded) this.#enter(by);
    else if (!this.waiting.has(by)) this.waiting.set(by, '');
  }

  #enter(userId: string): void {
    this.members.add(userId);
    this.waiting.delete(userId);
  }

  #drop(userId: string): void {
    this.members.delete(userId);
    this.admins.delete(userId);
  }
}
