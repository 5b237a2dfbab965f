import type { AnomalyKind } from '../anomaly.js';

/**
 * Mistakes that the pipeline could make, one rule of machinery.md left out each; what the checker must call them in some
 * schedule, and what else may follow from them.
 */
export const BUGS = {
  /** §1.2: answers before the record is in the log. */
  acknowledgesBeforeLog: { must: ['lost'], may: [] },
  /** §1.2: the records of one partition go through two lanes. */
  twoLanes: { must: ['out-of-order'], may: [] },
  /** §3.2: fan-out passes on what the log holds twice. */
  passesRepeatsOn: { must: ['repeated'], may: ['forked', 'leaked', 'lost'] },
  /** §3.2: whoever gains a partition does not read what it would remember. */
  forgetsRepeatsOnGain: { must: ['repeated'], may: ['forked', 'leaked', 'lost'] },
  /** §3.2: an old message is appended without a look into the archive. */
  skipsArchive: { must: ['repeated'], may: ['forked', 'leaked', 'lost'] },
  /** §3.4: the right to send is judged again after the append. */
  refusesAfterAppend: { must: ['resurrected'], may: [] },
  /** §3.4: the device takes a refusal for definite after an attempt that nobody answered. */
  believesLateRefusal: { must: ['resurrected'], may: [] },
  /** §1.5: fan-out's checkpoint is written before the inbox has the data. */
  checkpointBeforeData: { must: ['lost'], may: [] },
  /** §3.6: recipients are the members of now, not those at the position. */
  presentMembers: { must: ['leaked', 'lost'], may: [] },
  /** §3.1: positions are counted where the entry arrives, not where the message lies. */
  positionsOfInbox: { must: ['forked'], may: ['leaked', 'lost', 'out-of-order'] },
  /** §4.2: the feed does not know what it took from each source. */
  feedKeepsRepeats: { must: ['repeated'], may: [] },
  /** §4.4: rows are seen as soon as they are stored, in whatever order that is. */
  noVisibleWatermark: { must: ['lost'], may: ['late', 'out-of-order'] },
  /** §4.5: a new owner answers up to the end of the inbox before it has replayed it. */
  servesBeforeReplay: { must: ['lost'], may: ['late', 'out-of-order'] },
  /** §1.6: the numbers of a wiped log begin again. */
  generationNotRaised: { must: ['lost', 'forked'], may: ['late', 'out-of-order', 'leaked', 'repeated'] },
  /** §4.7: the device applies any notice, wherever it starts. */
  appliesAnyNotice: { must: ['lost', 'late'], may: ['out-of-order', 'repeated'] },
} as const satisfies Record<string, { must: readonly AnomalyKind[]; may: readonly AnomalyKind[] }>;

export type Bug = keyof typeof BUGS;
