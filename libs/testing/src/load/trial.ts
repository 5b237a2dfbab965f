import {
  DeliveryChecker,
  summarise,
  type Membership,
  type Outcome,
  type SendReport,
  type ShownMessage,
  type Summary,
} from '../checker/index.js';
import type { Observer, Witness } from '../device/index.js';

/** Somebody with one device or more. */
export interface LoadUser {
  readonly userId: string;
  readonly devices: readonly Witness[];
}

/** A message as it is sent. */
export interface NewMessage {
  readonly messageId: string;
  readonly from: LoadUser;
  /** A user, or a group. */
  readonly to: string;
  /** Who has to be told of it, besides `from`; of a group those whose membership nobody touches. */
  readonly readers: readonly LoadUser[];
  readonly device: Witness;
  readonly conversation: string;
}

interface Message extends NewMessage {
  /** By the clock of the trial, as all times. */
  readonly writtenAt: number;
  outcome: Outcome | undefined;
  answeredAt: number | undefined;
  /** It was lost with the log, or may be. */
  givenUp: boolean;
  /** Of the devices that have to be told of it. */
  readonly shownOn: Set<string>;
  /** Whether the device that wrote it has had it from its feed. */
  ownShown: boolean;
  /** When a device of a reader showed it first. */
  arrivedAt: number | undefined;
}

/** What a trial came to. Times in ms. */
export interface TrialResult {
  readonly summary: Summary;
  /** Sends that nobody has answered for good. */
  readonly unresolved: number;
  /** How long after `repaired` the last send of before it was answered for good. */
  readonly resolvedAfterMs: number;
  /**
   * How long the slowest message took from being written to being shown, of those that were shown after `broken`; those
   * never shown do not count.
   */
  readonly slowestMs: number;
  /** Users who waited noticeably for a message, and of how many. */
  readonly usersAffected: number;
  readonly users: number;
  /** Messages of before the trial that a device showed again without having begun anew. */
  readonly shownAgain: number;
  /** Showings on devices of somebody who had been removed from the group before the message was written. */
  readonly shownToRemoved: number;
  /** Devices that had to begin anew. */
  readonly restarts: number;
  readonly refusals: Readonly<Record<string, number>>;
}

/** A message that took longer than this was noticeably held up. */
const NOTICEABLE_MS = 1_500;

/** Messages flow when those written lately, within this time, were each shown this soon. */
const LATELY_MS = 1_500;
const FLOWING_MS = 500;

/** A message written longer ago than this, and shown to its receiver, is in the feed of its author too. */
const FAN_OUT_MS = 2_000;

/** A time in which somebody is known to be out of a group, by what was answered; by the clock of the trial. */
interface Absence {
  readonly conversation: string;
  readonly user: string;
  readonly from: number;
  /** Infinity = nobody has set about adding the user again. */
  to: number;
}

/** One stretch of load that is judged by itself: stands between the devices and a checker of its own. */
export class Trial implements Observer {
  readonly checker = new DeliveryChecker();
  private readonly messages = new Map<string, Message>();
  private readonly refusals = new Map<string, number>();
  private readonly begunAnew = new Set<string>();
  private readonly memberships = new Set<string>();
  private readonly absences: Absence[] = [];
  /** Highest positions that were shown, by conversation and by conversation and user. */
  private readonly last = new Map<string, number>();
  /** What groups have told of themselves. */
  private readonly tips = new Set<string>();
  private readonly excused = new Set<string>();
  private brokenAt = -Infinity;
  private repairedAt = Infinity;
  private openCount = 0;
  private missingCount = 0;
  private shownCount = 0;
  private shownAgain = 0;
  private shownToRemoved = 0;

  constructor(
    private readonly users: readonly LoadUser[],
    /** Ids of messages of earlier trials. */
    private readonly earlier: ReadonlySet<string>,
    /** Milliseconds from any beginning. */
    private readonly now: () => number = () => performance.now(),
  ) {
    for (const { userId, devices } of users) {
      for (const device of devices) {
        device.observer = this;
        this.checker.device(userId, device.deviceId).held(device.heldKey);
      }
    }
  }

  /** Sends without a final answer. */
  get open(): number {
    return this.openCount;
  }
  /** Pairs of an acknowledged message and a device that has to be told of it yet. */
  get missing(): number {
    return this.missingCount;
  }
  /** Showings so far on devices that have to be told. */
  get showings(): number {
    return this.shownCount;
  }
  get messageIds(): Iterable<string> {
    return [...this.messages.keys(), ...this.tips];
  }

  /** Whether messages flow: those written lately were shown soon, or may be still. */
  get flows(): boolean {
    const now = this.now();
    let seen = 0;
    for (const { writtenAt, arrivedAt = now } of [...this.messages.values()].reverse()) {
      if (writtenAt < now - LATELY_MS) break;
      if (arrivedAt - writtenAt > FLOWING_MS) return false;
      seen++;
    }
    return seen > 0;
  }

  /** Highest position in a conversation that was shown to anybody, or to `user`; 0 = none. */
  lastShown(conversation: string, user?: string): number {
    return this.last.get(user === undefined ? conversation : `${conversation} ${user}`) ?? 0;
  }

  /** What feeds and history must hold for good. */
  get owed(): readonly NewMessage[] {
    return [...this.messages.values()].filter(
      ({ messageId, outcome }) => outcome === 'ok' && !this.excused.has(messageId),
    );
  }

  sending(message: NewMessage): void {
    const { messageId, conversation, from, readers, device } = message;
    if (!isOfGroup(message)) for (const { userId } of [from, ...readers]) this.belongs(conversation, userId);
    this.messages.set(messageId, {
      ...message,
      writtenAt: this.now(),
      outcome: undefined,
      answeredAt: undefined,
      givenUp: false,
      shownOn: new Set(),
      ownShown: false,
      arrivedAt: undefined,
    });
    this.openCount++;
    const { userId } = from;
    this.checker.sending({ messageId, conversation, user: userId, device: device.deviceId, sentAtMs: Date.now() });
  }

  /** A final answer; `code` says why it was refused. */
  answered(messageId: string, outcome: Outcome, code?: string): void {
    const message = this.messages.get(messageId)!;
    message.outcome = outcome;
    message.answeredAt = this.now();
    this.openCount--;
    if (outcome === 'ok') this.missingCount += othersOf(message).length - message.shownOn.size;
    if (code !== undefined) this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    this.checker.answered(messageId, { outcome, answeredAtMs: Date.now() });
  }

  /** Devices of a trial send by `sending` and `answered`: this is what a group tells of itself. */
  sent(report: SendReport): void {
    if (this.earlier.has(report.messageId)) return;
    this.tips.add(report.messageId);
    this.checker.sent(report);
  }

  /** A removal was answered with OK: nothing that is written from now on is for that user. */
  wentOut(conversation: string, user: string): void {
    this.absences.push({ conversation, user, from: this.now(), to: Infinity });
  }

  /** Somebody is about to add the user again. */
  comesIn(conversation: string, user: string): void {
    for (const absence of this.absences) {
      if (absence.conversation === conversation && absence.user === user) absence.to = Math.min(absence.to, this.now());
    }
  }

  /** Who belonged to a group when. */
  belonged(conversation: string, times: readonly Membership[]): void {
    for (const membership of times) this.checker.member(conversation, membership);
  }

  device(user: string, device: string): ReturnType<Observer['device']> {
    const log = this.checker.device(user, device);
    const name = `${user}/${device}`;
    return {
      shown: (item) => {
        if (!this.messages.has(item.messageId) && this.earlier.has(item.messageId)) {
          if (!this.begunAnew.has(name)) this.shownAgain++;
          return;
        }
        log.shown(item);
        for (const whose of [item.conversation, `${item.conversation} ${user}`]) {
          this.last.set(whose, Math.max(item.position, this.last.get(whose) ?? 0));
        }
        this.noteShown(item, user, device);
      },
      takenBack: (messageId) => log.takenBack(messageId),
      held: (key) => log.held(key),
      restarted: () => {
        this.begunAnew.add(name);
        log.restarted();
      },
    };
  }

  /**
   * Messages that were acknowledged and are on their way now may be lost: the log that holds them is. Those that every
   * device has shown, but the one that wrote it, are not among them, or only for that one: it is told of what it wrote
   * with the next of its notices, so the feed of its user may have been the only one that the message was still on its
   * way to. `diedAt`: when nothing could come of them any more, by the clock of the trial.
   */
  excuseUnderWay(diedAt = this.now()): void {
    const underWay = new Set<string>();
    const toItsAuthor = new Set<string>();
    const since = diedAt - FAN_OUT_MS;
    for (const message of this.messages.values()) {
      if (message.outcome !== 'ok') continue;
      const missing = othersOf(message).length - message.shownOn.size;
      if (missing > 0) {
        underWay.add(message.messageId);
        // Nobody waits for it; should it come all the same, it comes.
        if (!message.givenUp) this.missingCount -= missing;
        message.givenUp = true;
      }
      if (!message.ownShown && message.writtenAt > since) toItsAuthor.add(message.messageId);
      if (message.writtenAt > since || underWay.has(message.messageId)) this.excused.add(message.messageId);
    }
    this.checker.excuse(
      ({ messageId, user, device }) =>
        underWay.has(messageId) || (toItsAuthor.has(messageId) && this.isAuthor(messageId, user, device)),
    );
  }

  /** From now on something is broken. */
  broken(): void {
    this.brokenAt = this.now();
  }

  /** Whatever was broken is whole again, or begins to repair itself. */
  repaired(): void {
    this.repairedAt = this.now();
  }

  /** Nothing more is sent, and every device but those has pulled to the end. */
  finish(behind: ReadonlySet<Witness> = new Set()): TrialResult {
    for (const { userId, devices } of this.users) {
      for (const device of devices) {
        if (!behind.has(device)) this.checker.device(userId, device.deviceId).settled();
      }
    }
    const affected = new Set<string>();
    let slowestMs = 0;
    let resolvedAfterMs = 0;
    const now = this.now();
    for (const { arrivedAt, answeredAt = now, writtenAt, from, readers } of this.messages.values()) {
      if (writtenAt <= this.repairedAt) resolvedAfterMs = Math.max(resolvedAfterMs, answeredAt - this.repairedAt);
      const tookMs = arrivedAt === undefined || arrivedAt < this.brokenAt ? 0 : arrivedAt - writtenAt;
      slowestMs = Math.max(slowestMs, tookMs);
      if (tookMs > NOTICEABLE_MS) for (const { userId } of [from, ...readers]) affected.add(userId);
    }
    return {
      summary: summarise(this.checker.finish()),
      unresolved: this.openCount,
      resolvedAfterMs,
      slowestMs,
      usersAffected: affected.size,
      users: this.users.length,
      shownAgain: this.shownAgain,
      shownToRemoved: this.shownToRemoved,
      restarts: this.begunAnew.size,
      refusals: Object.fromEntries(this.refusals),
    };
  }

  private belongs(conversation: string, user: string): void {
    const name = `${conversation} ${user}`;
    if (this.memberships.has(name)) return;
    this.memberships.add(name);
    this.checker.member(conversation, { user });
  }

  private isAuthor(messageId: string, user: string, deviceId: string): boolean {
    const message = this.messages.get(messageId);
    return message?.from.userId === user && message.device.deviceId === deviceId;
  }

  private wasOut({ conversation, writtenAt }: Message, user: string): boolean {
    return this.absences.some(
      (out) => out.conversation === conversation && out.user === user && out.from < writtenAt && writtenAt < out.to,
    );
  }

  private noteShown({ messageId }: ShownMessage, user: string, deviceId: string): void {
    const message = this.messages.get(messageId);
    if (message === undefined) return;
    if (this.isAuthor(messageId, user, deviceId)) {
      message.ownShown = true;
      return;
    }
    if (this.wasOut(message, user)) this.shownToRemoved++;
    const isReader = message.readers.some(({ userId }) => userId === user);
    if (!isReader && user !== message.from.userId) return;
    this.shownCount++;
    if (isReader) message.arrivedAt ??= this.now();
    const device = `${user}/${deviceId}`;
    if (message.shownOn.has(device)) return;
    message.shownOn.add(device);
    if (message.outcome === 'ok' && !message.givenUp) this.missingCount--;
  }
}

/** Devices that have to be told of it: all of its author and its readers but the one that wrote it. */
const othersOf = ({ from, readers, device }: NewMessage): readonly Witness[] =>
  [...new Set([from, ...readers].flatMap(({ devices }) => devices))].filter((other) => other !== device);

/** Whether it is for the members of a group. */
export const isOfGroup = ({ conversation }: Pick<NewMessage, 'conversation'>): boolean => conversation.startsWith('g.');
