import type { Anomaly, AnomalyKind } from './anomaly.js';
import type { Verdict } from './delivery-checker.js';

/** A verdict cut down to what a report has room for; plain JSON. */
export interface Summary {
  readonly clean: boolean;
  readonly judged: Verdict['judged'];
  /** How many of each kind there were; kinds without one are left out. */
  readonly counts: Partial<Record<AnomalyKind, number>>;
  /** The first few of each kind. */
  readonly examples: readonly Anomaly[];
}

/** Examples of each kind, unless told otherwise. */
export const EXAMPLES_PER_KIND = 3;

/** Bounded by the number of kinds times `examplesPerKind`, however much went wrong. */
export function summarise({ anomalies, counts, judged }: Verdict, examplesPerKind = EXAMPLES_PER_KIND): Summary {
  const given = new Map<AnomalyKind, number>();
  const examples = anomalies.filter(({ kind }) => {
    const before = given.get(kind) ?? 0;
    given.set(kind, before + 1);
    return before < examplesPerKind;
  });
  return { clean: counts.size === 0, judged, counts: Object.fromEntries(counts), examples };
}

/** An anomaly for people. */
export function anomalyLine({
  kind,
  messageId,
  conversation,
  device,
  sender,
  requestId,
  sentAtMs,
  detail,
}: Anomaly): string {
  const sent = [
    sender === undefined ? [] : [`by ${sender}`],
    requestId === undefined ? [] : [`in request ${requestId}`],
    sentAtMs === undefined ? [] : [`at ${new Date(sentAtMs).toISOString()}`],
  ].flat();
  const where = device === undefined ? '' : ` on ${device}`;
  return `${kind}: ${messageId} in ${conversation}${where}: ${detail}${sent.length > 0 ? ` (sent ${sent.join(' ')})` : ''}`;
}
