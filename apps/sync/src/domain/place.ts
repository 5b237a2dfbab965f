import { generationOf, numberOf, offsetOf } from '@magpie/domain';

/** Topics whose events come into the feeds. Their order stands in stored rows: add at the end, never change it. */
export const SOURCE_TOPICS = [
  'messaging.message.v1',
  'social.profile.v1',
  'social.friendship.v1',
  'social.friend-request.v1',
  'messaging.receipt.v1',
  'messaging.setting.v1',
  'messaging.join-request.v1',
] as const;

/** Where groups tell of themselves, among their messages. */
export const GROUP_TOPIC = 'messaging.message.v1';

/** Position of what came from the store of a topic's owner instead of a log; below every position of a log. */
export const FROM_STORE = 0;

/** More partitions than any topic will have. */
const PARTITIONS_MAX = 65_536;

/** Where a source event stands, as the contracts and checkpoints say it. */
export interface Source {
  readonly topic: string;
  readonly partition: number;
  readonly generation: number;
  readonly offset: number;
}

/** One number for a partition of a source topic. Throws RangeError for a topic that is none. */
export function sourceOf(topic: string, partition: number): number {
  const index = (SOURCE_TOPICS as readonly string[]).indexOf(topic);
  if (index < 0) throw new RangeError(`${topic} is not a source of feeds`);
  return index * PARTITIONS_MAX + partition;
}

/** A position in a source as it is spelled out. */
export function placeIn(source: number, position: number): Source {
  return {
    topic: SOURCE_TOPICS[Math.floor(source / PARTITIONS_MAX)] ?? '',
    partition: source % PARTITIONS_MAX,
    generation: generationOf(position),
    offset: offsetOf(position),
  };
}

/** The position of a place in its source: rises across the generations of a log. Generation 0 = from the store. */
export function positionOf({ generation, offset }: Source): number {
  return generation === 0 ? FROM_STORE : numberOf(generation, offset);
}

/** Whether a key was made in a later life of the log than `generation`. */
export function isBeyondGeneration(key: number, generation: number): boolean {
  return generationOf(key) > generation;
}
