import { Timers, type Timer } from '@magpie/event-store';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';
import { messageRecalled } from '../publish.js';
import type { ArchivedMessages, Members } from './recall-message.js';
import type { MessageLog } from './send-messages.js';

/** Messages whose time begins in one step. */
const BEGIN_MAX = 1_000;

/** A message that is due to burn. */
interface Burn {
  readonly conversation: string;
  readonly messageId: string;
  /** Who has read it. */
  readonly reader: string;
}

export interface BurnMessagesParts {
  readonly connection: Connection;
  readonly log: MessageLog;
  readonly messages: ArchivedMessages;
  readonly members: Members;
  readonly holder: string;
  readonly logger: Logger;
}

/** Burns messages when their time after they were read is over: then they are taken back, by nobody. */
export class BurnMessages {
  readonly #archive: Collection<ArchivedMessage>;
  readonly #timers: Timers<Burn>;

  constructor(private readonly parts: BurnMessagesParts) {
    const { connection, holder, logger } = parts;
    this.#archive = collectionOf(connection, ARCHIVE_COLLECTION);
    this.#timers = new Timers<Burn>({
      connection,
      lease: { name: 'timers', holder },
      handle: (timer) => this.#burn(timer),
      logger,
    });
  }

  start(): Promise<void> {
    return this.#timers.start();
  }

  stop(): Promise<void> {
    return this.#timers.stop();
  }

  /**
   * Somebody is about to have read up to a position: the time of what burns by that begins, once. To be durable before
   * anybody is told of the reading, which may be asked for again.
   */
  async read(reader: string, conversation: string, upTo: number): Promise<void> {
    const place = { '_id.conversation': conversation, '_id.position': { $lte: upTo } };
    for (;;) {
      const lit = await this.#archive
        .find(
          { ...place, burns: { $exists: true }, 'burns.reader': reader },
          { limit: BEGIN_MAX, promoteBuffers: true },
        )
        .toArray();
      if (lit.length === 0) return;
      const now = Date.now();
      await this.#timers.set(
        lit.map(({ messageId, burns }) => ({
          id: `burn.${messageId}`,
          due: now + burns!.afterMs,
          command: { conversation, messageId, reader },
        })),
      );
      await this.#archive.updateMany({ _id: { $in: lit.map(({ _id }) => _id) } }, { $unset: { burns: true } });
      if (lit.length < BEGIN_MAX) return;
    }
  }

  /** Again, where it was taken back meanwhile, changes nothing. */
  async #burn({ id, command: { conversation, messageId, reader } }: Timer<Burn>): Promise<void> {
    const { log, messages, members } = this.parts;
    const message = (await messages.find(reader, conversation, [messageId])).get(messageId);
    if (message === undefined || message.recalled) return;
    const told = await members.at(conversation, message._id.position);
    await log.append(conversation, [messageRecalled(message, told, '')], id);
    await messages.recalled(conversation, messageId);
  }
}
