import { YES_KEPT_MS, type GroupModel } from './group-model.js';

/** What a command is answered: OK or the code of its refusal. Two are possible while an old yes may still be remembered. */
export type Answers = readonly string[];

const OK: Answers = ['OK'];

export interface ModelMessage {
  readonly text: string;
  readonly from: number;
  /** A user's number, or a group's id. */
  readonly to: number | string;
  readonly recipients: ReadonlySet<number>;
  readonly deletedBy: Set<number>;
  recalled: boolean;
}

interface Setting {
  pinned: boolean;
  muted: boolean;
  draft: string;
}

/**
 * What six people have of each other, in the simplest terms: users are numbers, and everything happens at once. Each
 * method answers what the product must answer; what is answered OK has happened when the method is told so.
 */
export class ChatModel {
  readonly messages: ModelMessage[] = [];
  readonly groups: GroupModel[] = [];
  readonly #has = new Set<string>();
  readonly #hasHad = new Set<string>();
  readonly #blocked = new Set<string>();
  readonly #asked = new Set<string>();
  /** When a pair of friends last ceased to be able to write to each other. */
  readonly #parted = new Map<string, number>();
  /** How many messages of a conversation a user has read, and has cleared. */
  readonly #read = new Map<string, number>();
  readonly #settings = new Map<string, Setting>();
  readonly #remarks = new Map<string, string>();

  constructor(readonly now: () => number = Date.now) {}

  request(by: number, to: number): Answers {
    if (by === to) return ['INVALID'];
    if (this.#areFriends(by, to)) return ['ALREADY_EXISTS'];
    if (this.#blocked.has(`${to}>${by}`)) return ['BLOCKED'];
    if (this.#asked.has(`${by}>${to}`)) return ['LIMITED'];
    return OK;
  }

  requested(by: number, to: number): void {
    if (this.#asked.has(`${to}>${by}`)) this.#befriend(by, to);
    else this.#asked.add(`${by}>${to}`);
  }

  isAsked(from: number, to: number): boolean {
    return this.#asked.has(`${from}>${to}`);
  }

  accept(by: number, from: number): Answers {
    return this.#blocked.has(`${from}>${by}`) ? ['BLOCKED'] : OK;
  }

  answered(by: number, from: number, accept: boolean): void {
    this.#asked.delete(`${from}>${by}`);
    if (accept) this.#befriend(by, from);
  }

  deleted(by: number, other: number): void {
    this.#part(by, other);
    this.#has.delete(`${by}>${other}`);
    this.#remarks.delete(`${by}>${other}`);
  }

  blocked(by: number, other: number, on: boolean): void {
    if (!on) {
      this.#blocked.delete(`${by}>${other}`);
      return;
    }
    this.#part(by, other);
    this.#blocked.add(`${by}>${other}`);
  }

  remark(by: number, other: number): Answers {
    return this.#has.has(`${by}>${other}`) ? OK : ['NOT_FRIENDS'];
  }

  remarked(by: number, other: number, remark: string): void {
    this.#remarks.set(`${by}>${other}`, remark);
  }

  write(from: number, to: number): Answers {
    const verdict = this.#verdict(from, to);
    const parted = this.#parted.get(pairOf(from, to)) ?? 0;
    return verdict === 'OK' || this.now() - parted > YES_KEPT_MS ? [verdict] : ['OK', verdict];
  }

  wrote(from: number, to: number | GroupModel, text: string): void {
    const others = typeof to === 'number' ? [to] : to.members;
    const recipients = new Set([from, ...others]);
    const peer = typeof to === 'number' ? to : to.id;
    this.messages.push({ text, from, to: peer, recipients, deletedBy: new Set(), recalled: false });
  }

  recall(by: number, { from, to }: ModelMessage): Answers {
    const group = this.groups.find(({ id }) => id === to);
    return from === by ? OK : (group?.ofManager(by) ?? ['FORBIDDEN']);
  }

  /** The conversation in which a user has a message. */
  peerOf(user: number, { from, to }: ModelMessage): number | string {
    return typeof to === 'string' || from === user ? to : from;
  }

  /** What one user sees of a conversation, oldest first; a recalled message is without text. */
  seen(user: number, peer: number | string): { readonly text: string | undefined; readonly from: number }[] {
    return this.#of(user, peer).map(({ text, from, recalled }) => ({ text: recalled ? undefined : text, from }));
  }

  unread(user: number, peer: number | string): number {
    const all = this.messages.filter((message) => concerns(message, user, peer));
    const unread = all.slice(this.#read.get(`${user}>${peer}`) ?? 0);
    return unread.filter(({ from, recalled, deletedBy }) => from !== user && !recalled && !deletedBy.has(user)).length;
  }

  /** Has read all that there is. */
  hasRead(user: number, peer: number | string): void {
    this.#read.set(`${user}>${peer}`, this.messages.filter((message) => concerns(message, user, peer)).length);
  }

  cleared(user: number, peer: number | string): void {
    for (const message of this.messages) if (concerns(message, user, peer)) message.deletedBy.add(user);
  }

  set(user: number, peer: number | string, change: Partial<Setting>): void {
    this.#settings.set(`${user}>${peer}`, { ...this.setting(user, peer), ...change });
  }

  setting(user: number, peer: number | string): Setting {
    return this.#settings.get(`${user}>${peer}`) ?? { pinned: false, muted: false, draft: '' };
  }

  contact(user: number, other: number) {
    const pair = `${user}>${other}`;
    const [has, blocked, hasHad] = [this.#has.has(pair), this.#blocked.has(pair), this.#hasHad.has(pair)];
    return { has, hasHad, blocked, remark: this.#remarks.get(pair) ?? '' };
  }

  #of(user: number, peer: number | string): ModelMessage[] {
    return this.messages.filter((message) => concerns(message, user, peer) && !message.deletedBy.has(user));
  }

  #verdict(from: number, to: number): string {
    if (from === to) return 'OK';
    if (this.#blocked.has(`${from}>${to}`) || this.#blocked.has(`${to}>${from}`)) return 'BLOCKED';
    return this.#areFriends(from, to) ? 'OK' : 'NOT_FRIENDS';
  }

  #areFriends(one: number, other: number): boolean {
    return this.#has.has(`${one}>${other}`) && this.#has.has(`${other}>${one}`);
  }

  #befriend(one: number, other: number): void {
    for (const pair of [`${one}>${other}`, `${other}>${one}`]) {
      this.#has.add(pair);
      this.#hasHad.add(pair);
      this.#asked.delete(pair);
    }
  }

  #part(one: number, other: number): void {
    if (this.#verdict(one, other) === 'OK') this.#parted.set(pairOf(one, other), this.now());
  }
}

function pairOf(one: number, other: number): string {
  return one < other ? `${one}.${other}` : `${other}.${one}`;
}

/** Whether a message stands in a conversation as `user` names it. */
function concerns({ from, to, recipients }: ModelMessage, user: number, peer: number | string): boolean {
  if (!recipients.has(user)) return false;
  if (typeof peer === 'string' || typeof to === 'string') return peer === to;
  return from === user ? to === peer : from === peer;
}
