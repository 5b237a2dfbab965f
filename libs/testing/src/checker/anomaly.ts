/**
 * What can be wrong with a run (machinery.md §3.4, §4.4).
 * - lost: acknowledged, or shown to anybody, but not shown on a device of a recipient
 * - repeated: acknowledged and shown more than once on one device
 * - unknown-shown-twice: the same for a message whose sender never learned its fate
 * - out-of-order: a device showed positions of a conversation falling, or a sender's acknowledged messages lie in
 *   another order than it sent them
 * - late: shown at a key that the device already held, so that a device which trusts its key would never have got it
 * - leaked: shown to somebody who is not a recipient
 * - resurrected: definitely refused, yet shown
 * - forked: two devices disagree on where a message lies
 * - unsent: shown, though no sender told of it
 */
export type AnomalyKind =
  | 'lost'
  | 'repeated'
  | 'unknown-shown-twice'
  | 'out-of-order'
  | 'late'
  | 'leaked'
  | 'resurrected'
  | 'forked'
  | 'unsent';

/** One thing that went wrong with one message, on one device or, without one, for its sender. */
export interface Anomaly {
  readonly kind: AnomalyKind;
  readonly messageId: string;
  readonly conversation: string;
  /** `user/device` */
  readonly device?: string;
  /** For people: what was expected and what was seen. */
  readonly detail: string;
}

/** How many anomalies of each kind are kept; the counts go on beyond. */
export const ANOMALIES_KEPT_MAX = 200;

/** Collects anomalies without growing past a bound in a run that went thoroughly wrong. */
export class Anomalies {
  readonly kept: Anomaly[] = [];
  readonly counts = new Map<AnomalyKind, number>();

  add(anomaly: Anomaly): void {
    const count = (this.counts.get(anomaly.kind) ?? 0) + 1;
    this.counts.set(anomaly.kind, count);
    if (count <= ANOMALIES_KEPT_MAX) this.kept.push(anomaly);
  }
}
