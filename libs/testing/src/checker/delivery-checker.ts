import { Anomalies, type Anomaly, type AnomalyKind } from './anomaly.js';
import type { Conversation, Membership } from './conversation.js';
import { DeviceLog } from './device-log.js';
import { mergeOutcome, Messages, type MessageFacts, type Outcome, type Sender } from './messages.js';

/** One message as its sender sends it, whatever comes of it. */
export interface Send {
  readonly user: string;
  readonly device: string;
  readonly conversation: string;
  /** Derived from what the client sent, so it is known whatever the answer was. */
  readonly messageId: string;
  /** Of the first request that carried it; for people who look for it in the logs of the services. */
  readonly requestId?: string;
  /** Milliseconds since 1970. */
  readonly sentAtMs?: number;
}

/** What a sender was told about one message. */
export interface Answer {
  /** `refused` only when it is definite: no earlier attempt with these ids ended without an answer. */
  readonly outcome: Outcome;
  /** Where it lies, if the answer said so. */
  readonly position?: number;
  /** Milliseconds since 1970. */
  readonly answeredAtMs?: number;
}

/** A send and what its sender was told in the end. */
export interface SendReport extends Send, Answer {}

/** A message that a device did not show, as `excuse` is asked about it. */
export interface MissingMessage {
  readonly messageId: string;
  readonly conversation: string;
  readonly outcome: Outcome | undefined;
  readonly requestId: string | undefined;
  readonly sentAtMs: number | undefined;
  readonly answeredAtMs: number | undefined;
  /** The user whose device misses it. */
  readonly user: string;
  readonly device: string;
  /** Whether another device of this user showed it: then it had been in the user's feed. */
  readonly shownToUser: boolean;
}

/** The judgement of a run. */
export interface Verdict {
  /** Empty = clean. At most ANOMALIES_KEPT_MAX of each kind. */
  readonly anomalies: readonly Anomaly[];
  readonly counts: ReadonlyMap<AnomalyKind, number>;
  /** What was judged, so that a run in which nothing happened is not taken for a clean one. */
  readonly judged: {
    readonly sent: number;
    readonly acknowledged: number;
    readonly refused: number;
    /** Of unknown fate for good, among them those never answered. */
    readonly unknown: number;
    readonly devices: number;
    /** Devices that were asked for everything. */
    readonly settled: number;
    /** Pairs of a message and a device that showed it. */
    readonly shown: number;
    /** Pairs of a message and a device that did not show it and were excused. */
    readonly excused: number;
  };
}

/** What is counted while a run is judged. */
interface Tally {
  readonly anomalies: Anomalies;
  sent: number;
  acknowledged: number;
  refused: number;
  shown: number;
  excused: number;
}

/**
 * Judges a whole run by what its users saw (machinery.md §3.4): acknowledged = shown exactly once on every settled
 * device of every member at its position, in the order of positions; definitely refused = never shown; unknown = on all
 * of those devices or on none. Works on reports as they come, in time and memory linear in what was shown.
 */
export class DeliveryChecker {
  /** Those that were seen at once; the others are found by `finish`. */
  private readonly seen = new Anomalies();
  private readonly messages = new Messages();
  private readonly devices = new Map<string, DeviceLog>();
  private readonly devicesOf = new Map<string, DeviceLog[]>();
  private readonly senders = new Map<string, Sender>();
  private readonly excuses: ((missing: MissingMessage) => boolean)[] = [];

  /** Tells who belongs to a conversation; a user may have several intervals. A sender gets its own messages anyway. */
  member(conversation: string, membership: Membership): void {
    this.messages.conversation(conversation).belongs(membership);
  }

  /** The log of a device; every device is named, also one that showed nothing, and told when it is settled. */
  device(user: string, device: string): DeviceLog {
    const name = `${user}/${device}`;
    const known = this.devices.get(name);
    if (known !== undefined) return known;
    const log = new DeviceLog(user, device, this.messages, this.seen);
    this.devices.set(name, log);
    const others = this.devicesOf.get(user);
    if (others === undefined) this.devicesOf.set(user, [log]);
    else others.push(log);
    return log;
  }

  /**
   * A device is about to send a message for the first time; repeats of it need not be told. Told in the order of sending
   * within a device and conversation, of which one request at a time is under way.
   */
  sending(send: Send): void {
    const message = this.messages.find(send.messageId, send.conversation);
    if (message.sender !== undefined) return;
    message.sender = this.senderOf(send);
    message.requestId = send.requestId;
    message.sentAtMs = send.sentAtMs;
    message.conversation.sent.push(message);
    if (message.conversation.name !== send.conversation) {
      this.seen.add('forked', message, `sent to ${send.conversation}, shown elsewhere`);
    }
  }

  /**
   * An attempt ended, or the sender gave up (`unknown`). What is never answered counts as unknown.
   * @throws Error for a message that nobody sends
   */
  answered(messageId: string, { outcome, position, answeredAtMs }: Answer): void {
    const message = this.messages.known(messageId);
    if (message?.sender === undefined) throw new Error(`an answer to ${messageId}, which was not sent`);
    message.outcome = mergeOutcome(message.outcome, outcome);
    if (answeredAtMs !== undefined) message.answeredAtMs = answeredAtMs;
    if (position === undefined) return;
    if (message.position === undefined) message.position = position;
    else if (message.position !== position) {
      this.seen.add('forked', message, `answered with position ${position}, lies at ${message.position}`);
    }
  }

  /** `sending` and `answered` in one, for who learns of both at the end; again for a retry that ended otherwise. */
  sent(report: SendReport): void {
    this.sending(report);
    this.answered(report.messageId, report);
  }

  /** Somebody was told that a message is taken back: who shows it must learn of that. */
  takenBack(messageId: string): void {
    const message = this.messages.known(messageId);
    if (message === undefined) throw new Error(`${messageId} is taken back, which was neither sent nor shown`);
    message.takenBack = true;
  }

  /**
   * Messages that may be lost (on the device asked about): those that a wiped log took with it. Everything else holds
   * for them too. A message is excused if any of the predicates given so says so.
   */
  excuse(mayBeLost: (missing: MissingMessage) => boolean): void {
    this.excuses.push(mayBeLost);
  }

  /** The judgement as of now; the run may go on. */
  finish(): Verdict {
    const tally = { anomalies: new Anomalies(this.seen), sent: 0, acknowledged: 0, refused: 0, shown: 0, excused: 0 };
    for (const conversation of this.messages.conversations.values()) {
      judgeSendOrder(conversation, tally);
      judgePlaces(conversation, tally);
      for (const message of conversation.messages) this.judgeMessage(message, tally);
    }
    const { anomalies, ...counted } = tally;
    const devices = [...this.devices.values()];
    return {
      anomalies: anomalies.kept(),
      counts: anomalies.counts,
      judged: {
        ...counted,
        unknown: counted.sent - counted.acknowledged - counted.refused,
        devices: devices.length,
        settled: devices.filter(({ isSettled }) => isSettled).length,
      },
    };
  }

  private judgeMessage(message: MessageFacts, tally: Tally): void {
    const { outcome, sender, shownOn } = message;
    if (outcome === 'ok') tally.acknowledged++;
    if (outcome === 'refused') tally.refused++;
    if (sender === undefined) tally.anomalies.add('unsent', message, 'shown, but no sender told of it');
    const mustBeShown = outcome === 'ok' || (outcome !== 'refused' && shownOn > 0);
    if (!mustBeShown && shownOn === 0) return;
    const recipients = message.conversation.recipientsOf(message);
    let shownToRecipients = 0;
    for (const user of recipients) {
      for (const log of this.devicesOf.get(user) ?? []) {
        if (log.hasShown(message)) {
          shownToRecipients++;
          judgeShown(message, log, tally);
        } else if (mustBeShown && log.isSettled) this.judgeMissing(message, log, tally);
      }
    }
    if (shownToRecipients === shownOn) return;
    for (const log of this.devices.values()) {
      if (recipients.has(log.user) || !log.hasShown(message)) continue;
      tally.anomalies.add('leaked', message, `not a member at position ${message.position}`, log.name);
      judgeShown(message, log, tally);
    }
  }

  private judgeMissing(message: MessageFacts, log: DeviceLog, tally: Tally): void {
    if (this.isExcused(message, log)) tally.excused++;
    else {
      const why = message.outcome === 'ok' ? 'acknowledged' : `shown on ${message.shownOn} devices`;
      tally.anomalies.add('lost', message, `${why}, never shown here`, log.name);
    }
  }

  private isExcused(message: MessageFacts, log: DeviceLog): boolean {
    if (this.excuses.length === 0) return false;
    const { messageId, outcome, requestId, sentAtMs, answeredAtMs } = message;
    const shownToUser = this.devicesOf.get(log.user)!.some((other) => other.hasShown(message));
    const at = { conversation: message.conversation.name, user: log.user, device: log.device, shownToUser };
    const missing = { messageId, outcome, requestId, sentAtMs, answeredAtMs, ...at };
    return this.excuses.some((mayBeLost) => mayBeLost(missing));
  }

  private senderOf({ user, device }: Send): Sender {
    const name = `${user}/${device}`;
    let sender = this.senders.get(name);
    if (sender === undefined) this.senders.set(name, (sender = { user, name }));
    return sender;
  }
}

function judgeShown(message: MessageFacts, log: DeviceLog, tally: Tally): void {
  tally.shown++;
  if (message.outcome === 'refused') tally.anomalies.add('resurrected', message, 'refused, yet shown', log.name);
  const count = log.countOf(message);
  if (message.takenBack && log.isSettled && count > 0 && !log.hasTakenBack(message)) {
    tally.anomalies.add('resurrected', message, 'taken back, yet it stands', log.name);
  }
  if (count > 1) tally.anomalies.add('repeated', message, `shown ${count} times`, log.name);
}

function judgeSendOrder({ sent }: Conversation, tally: Tally): void {
  const last = new Map<Sender, number>();
  tally.sent += sent.length;
  for (const message of sent) {
    const { outcome, position, sender } = message;
    if (outcome !== 'ok' || position === undefined || sender === undefined) continue;
    const before = last.get(sender) ?? -1;
    if (position > before) last.set(sender, position);
    else tally.anomalies.add('out-of-order', message, `sent after the one at position ${before}, lies at ${position}`);
  }
}

function judgePlaces({ messages }: Conversation, tally: Tally): void {
  const taken = new Map<number, MessageFacts>();
  for (const message of messages) {
    if (message.position === undefined) continue;
    const other = taken.get(message.position);
    if (other === undefined) taken.set(message.position, message);
    else tally.anomalies.add('forked', message, `shares position ${message.position} with ${other.messageId}`);
  }
}
