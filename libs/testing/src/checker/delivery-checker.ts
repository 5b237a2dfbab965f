import { Anomalies, type Anomaly, type AnomalyKind } from './anomaly.js';
import { DeviceLog } from './device-log.js';
import { mergeOutcome, Messages, type MessageFacts, type Outcome } from './messages.js';

/** What a sender was told about one message in the end. */
export interface SendReport {
  readonly user: string;
  readonly device: string;
  readonly conversation: string;
  /** Derived from what the client sent, so it is known whatever the answer was. */
  readonly messageId: string;
  /** `refused` only when it is definite: no earlier attempt with these ids ended without an answer. */
  readonly outcome: Outcome;
}

/** Membership as an interval [from, to) of positions; without bounds: from the beginning, for ever. */
export interface Membership {
  readonly user: string;
  readonly from?: number;
  readonly to?: number;
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
    readonly devices: number;
    readonly shown: number;
  };
}

/**
 * Judges a whole run by what its users saw (machinery.md §3.4): acknowledged = shown exactly once on every device of
 * every member at its position, in the order of positions; definitely refused = never shown; unknown = on all of those
 * devices or on none. Works on reports as they come, in time and memory linear in what was shown.
 */
export class DeliveryChecker {
  private readonly anomalies = new Anomalies();
  private readonly messages = new Messages();
  private readonly devices = new Map<string, DeviceLog>();
  private readonly members = new Map<string, Membership[]>();
  private readonly sendOrder: MessageFacts[] = [];
  private shown = 0;

  /** Tells who belongs to a conversation; a user may have several intervals. A sender gets its own messages anyway. */
  member(conversation: string, membership: Membership): void {
    const known = this.members.get(conversation);
    if (known === undefined) this.members.set(conversation, [membership]);
    else known.push(membership);
  }

  /** The log of a device; every device that must have caught up in the end is named, also one that showed nothing. */
  device(user: string, device: string): DeviceLog {
    const name = `${user}/${device}`;
    let log = this.devices.get(name);
    if (log === undefined) this.devices.set(name, (log = new DeviceLog(user, device, this.messages, this.anomalies)));
    return log;
  }

  /** Reports are made per device and conversation in the order of sending; again for a retry that ended otherwise. */
  sent(report: SendReport): void {
    const message = this.messages.find(report.messageId, report.conversation);
    if (message.outcome === undefined) this.sendOrder.push(message);
    message.outcome = mergeOutcome(message.outcome, report.outcome);
    message.sender = report.user;
    message.senderDevice = `${report.user}/${report.device}`;
  }

  /** Call it once, when every device has pulled to the end. */
  finish(): Verdict {
    this.judgeSendOrder();
    this.judgePositions();
    for (const message of this.messages.all) this.judgeMessage(message);
    const acknowledged = this.sendOrder.filter((message) => message.outcome === 'ok').length;
    return {
      anomalies: this.anomalies.kept,
      counts: this.anomalies.counts,
      judged: { sent: this.sendOrder.length, acknowledged, devices: this.devices.size, shown: this.shown },
    };
  }

  private judgeSendOrder(): void {
    const last = new Map<string, number>();
    for (const message of this.sendOrder) {
      if (message.outcome !== 'ok' || message.position === undefined) continue;
      const lane = `${message.senderDevice} ${message.conversation}`;
      const before = last.get(lane) ?? -1;
      if (message.position > before) last.set(lane, message.position);
      else
        this.report('out-of-order', message, `sent after the one at position ${before}, lies at ${message.position}`);
    }
  }

  private judgePositions(): void {
    const taken = new Map<string, string>();
    for (const message of this.messages.all) {
      if (message.position === undefined) continue;
      const place = `${message.position} ${message.conversation}`;
      const other = taken.get(place);
      if (other === undefined) taken.set(place, message.messageId);
      else this.report('forked', message, `shares position ${message.position} with ${other}`);
    }
  }

  private judgeMessage(message: MessageFacts): void {
    const recipients = this.recipientsOf(message);
    const expected = message.outcome === 'ok' || (message.outcome === 'unknown' && message.position !== undefined);
    if (message.outcome === undefined) this.report('unsent', message, 'shown, but no sender told of it');
    for (const log of this.devices.values()) {
      if (log.hasShown(message.index)) this.judgeShown(message, log, recipients.has(log.user));
      else if (expected && recipients.has(log.user)) {
        this.report('lost', message, `${message.outcome} for its sender, never shown here`, log);
      }
    }
  }

  private judgeShown(message: MessageFacts, log: DeviceLog, isRecipient: boolean): void {
    const count = log.countOf(message.index);
    this.shown++;
    if (message.outcome === 'refused') this.report('resurrected', message, 'refused, yet shown', log);
    if (!isRecipient) this.report('leaked', message, `not a member at position ${message.position}`, log);
    if (count > 1) {
      const kind = message.outcome === 'unknown' ? 'unknown-shown-twice' : 'repeated';
      this.report(kind, message, `shown ${count} times`, log);
    }
  }

  /** Members at the message's position and its sender; without a position (nobody showed it) those who always belong. */
  private recipientsOf({ conversation, position, sender }: MessageFacts): ReadonlySet<string> {
    const users = new Set<string>(sender === '' ? [] : [sender]);
    for (const { user, from, to } of this.members.get(conversation) ?? []) {
      const belongs =
        position === undefined
          ? from === undefined && to === undefined
          : position >= (from ?? -Infinity) && position < (to ?? Infinity);
      if (belongs) users.add(user);
    }
    return users;
  }

  private report(kind: AnomalyKind, { messageId, conversation }: MessageFacts, detail: string, log?: DeviceLog): void {
    this.anomalies.add({ kind, messageId, conversation, detail, ...(log === undefined ? {} : { device: log.name }) });
  }
}
