import type { Logger } from '@magpie/observability';
import type { GroupOffset } from './group-member.js';

/** A partition and how far its owner has come. */
export interface Committable {
  readonly id: string;
  /** Physical name. */
  readonly topic: string;
  readonly partition: number;
  readonly next: number;
}

/** The offsets of a group as Kafka's tools see them. Only for those that look at lag: the checkpoints are the truth. */
export class GroupCommits {
  readonly #committed = new Map<string, number>();

  constructor(
    private readonly commit: (offsets: readonly GroupOffset[]) => Promise<void>,
    private readonly logger: Logger,
  ) {}

  /** Commits what has moved, all of it in one call. */
  async write(partitions: readonly Committable[]): Promise<void> {
    const moved = partitions.filter(({ id, next }) => this.#committed.get(id) !== next);
    if (moved.length === 0) return;
    try {
      await this.commit(moved.map(({ topic, partition, next }) => ({ topic, partition, offset: String(next) })));
      for (const { id, next } of moved) this.#committed.set(id, next);
    } catch (error) {
      this.logger.debug({ err: error }, 'group offsets not committed');
    }
  }
}
