/**
 * record: facts that exist nowhere else, kept for ever. outbox: published from an event store, which answers for older
 * ones. derived: made from other topics. dead-letter: what a consumer could not handle.
 */
export type TopicKind = 'record' | 'outbox' | 'derived' | 'dead-letter';

/** One topic; its owner is the service that its name starts with. */
export interface TopicSpec {
  readonly kind: TopicKind;
  /** hot: keyed by user or conversation; cold: few records. */
  readonly partitions: 'hot' | 'cold';
  /** −1 = for ever. */
  readonly retentionMs: number;
}

const dayMs = 24 * 60 * 60 * 1000;
const outbox = (partitions: 'hot' | 'cold'): TopicSpec => ({ kind: 'outbox', partitions, retentionMs: 7 * dayMs });
const deadLetter: TopicSpec = { kind: 'dead-letter', partitions: 'cold', retentionMs: 30 * dayMs };

/** The one registry of topics (machinery.md §1.1). */
export const TOPICS = {
  'auth.account.v1': outbox('hot'),
  'auth.session.v1': outbox('hot'),
  'messaging.message.v1': { kind: 'record', partitions: 'hot', retentionMs: -1 },
  'messaging.receipt.v1': outbox('hot'),
  'messaging.setting.v1': outbox('cold'),
  'messaging.join-request.v1': outbox('cold'),
  'social.profile.v1': outbox('cold'),
  'social.friendship.v1': outbox('cold'),
  'social.friend-request.v1': outbox('cold'),
  'sync.inbox.v1': { kind: 'derived', partitions: 'hot', retentionMs: 7 * dayMs },
  'messaging.archive.dead-letter.v1': deadLetter,
  'messaging.search.dead-letter.v1': deadLetter,
  'social.profile.dead-letter.v1': deadLetter,
} as const satisfies Record<string, TopicSpec>;

export type TopicName = keyof typeof TOPICS;

/** Number of partitions of a topic: `hot` is a setting of the installation (16 on one machine, 64 in production). */
export function partitionsOf(topic: TopicName, hotPartitions: number): number {
  return TOPICS[topic].partitions === 'hot' ? hotPartitions : 4;
}
