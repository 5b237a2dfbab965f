import type { MessageFacts } from './messages.js';

/**
 * What can be wrong with a run (machinery.md §3.4, §4.4).
 * - lost: acknowledged, or shown to anybody, but not shown on a settled device of a recipient
 * - repeated: shown more than once in one life of a device
 * - out-of-order: a device showed positions of a conversation falling, or a sender's acknowledged messages lie in
 *   another order than it sent them
 * - late: shown at a key that the device already held, so that a device which trusts its key would never have got it
 * - leaked: shown to somebody who is not a recipient
 * - resurrected: definitely refused, yet shown; or taken back, and a settled device still shows what it said
 * - forked: two devices, or a device and the sender's answer, disagree on where a message lies, or two messages share a
 *   place. Devices that agree on places and show them rising agree on the order.
 * - unsent: shown, though no sender told of it
 */
export type AnomalyKind =
  'lost' | 'repeated' | 'out-of-order' | 'late' | 'leaked' | 'resurrected' | 'forked' | 'unsent';

/** One thing that went wrong with one message, on one device or, without one, for its sender. */
export interface Anomaly {
  readonly kind: AnomalyKind;
  readonly messageId: string;
  readonly conversation: string;
  /** `user/device` that showed it, or should have. */
  readonly device?: string;
  /** `user/device` that sent it. */
  readonly sender?: string;
  /** Of the sender's first request, when told. */
  readonly requestId?: string;
  /** Milliseconds since 1970, when told. */
  readonly sentAtMs?: number;
  /** For people: what was expected and what was seen. */
  readonly detail: string;
}

/** How many anomalies of each kind are kept; the counts go on beyond. */
export const ANOMALIES_KEPT_MAX = 200;

interface Finding {
  readonly kind: AnomalyKind;
  readonly message: MessageFacts;
  readonly detail: string;
  readonly device: string | undefined;
}

/** Collects anomalies without growing past a bound in a run that went thoroughly wrong. */
export class Anomalies {
  private readonly findings: Finding[];
  readonly counts: Map<AnomalyKind, number>;

  /** Goes on after `before`, which stays as it is. */
  constructor(before?: Anomalies) {
    this.findings = before === undefined ? [] : [...before.findings];
    this.counts = new Map(before?.counts);
  }

  add(kind: AnomalyKind, message: MessageFacts, detail: string, device?: string): void {
    const count = (this.counts.get(kind) ?? 0) + 1;
    this.counts.set(kind, count);
    if (count <= ANOMALIES_KEPT_MAX) this.findings.push({ kind, message, detail, device });
  }

  /** Those kept, with what is known of their messages by now: a message may be shown before its sender tells of it. */
  kept(): Anomaly[] {
    return this.findings.map(({ kind, message, detail, device }) => ({
      kind,
      messageId: message.messageId,
      conversation: message.conversation.name,
      ...(device === undefined ? {} : { device }),
      ...(message.sender === undefined ? {} : { sender: message.sender.name }),
      ...(message.requestId === undefined ? {} : { requestId: message.requestId }),
      ...(message.sentAtMs === undefined ? {} : { sentAtMs: message.sentAtMs }),
      detail,
    }));
  }
}
