import { collectionOf, ensureIndexes, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';

interface MemberDocument {
  /** Group and instance. */
  readonly _id: string;
  readonly memberId: string;
  readonly at: Date;
}

const COLLECTION = 'state_member';

/** An instance that has not joined for so long comes back under another name, if at all: pods never keep theirs. */
const KEPT_SECONDS = 30 * 24 * 60 * 60;

/**
 * Which member of its groups an instance was in its last life. A process that was killed said no farewell, so its group
 * waits for it a whole session time-out; the one that is started in its place says it. Should the former one live on
 * after all (frozen, say), it finds itself put out, and the epochs hold it off as ever.
 */
export class FormerSelf {
  readonly #members: ReturnType<typeof collectionOf<MemberDocument>>;
  readonly #self: string;
  readonly #logger: Logger;

  /** `self`: the same for every life of an instance, different for any two that live at once. */
  constructor(connection: Connection, self: string, logger: Logger) {
    this.#members = collectionOf<MemberDocument>(connection, COLLECTION);
    this.#self = self;
    this.#logger = logger;
  }

  /** Makes the index; idempotent. */
  init(): Promise<void> {
    return ensureIndexes(this.#members, [{ keys: { at: 1 }, options: { expireAfterSeconds: KEPT_SECONDS } }]);
  }

  /** The member that this instance last was; undefined when that is not known, which only costs time. */
  async recall(groupId: string): Promise<string | undefined> {
    try {
      const found = await this.#members.findOne({ _id: this.#idOf(groupId) });
      return found?.memberId;
    } catch (error) {
      this.#logger.warn({ err: error, groupId }, 'former member not found');
      return undefined;
    }
  }

  async note(groupId: string, memberId: string): Promise<void> {
    try {
      await this.#members.updateOne(
        { _id: this.#idOf(groupId) },
        { $set: { memberId, at: new Date() } },
        { upsert: true },
      );
    } catch (error) {
      this.#logger.warn({ err: error, groupId }, 'member not noted');
    }
  }

  #idOf(groupId: string): string {
    return `${groupId}/${this.#self}`;
  }
}
