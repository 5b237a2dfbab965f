import { setTimeout as after } from 'node:timers/promises';
import { contains } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import type { ArchivedMessages } from '../commands/recall-message.js';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';
import { lookInto } from './archive-look.js';
import type { ArchiveLag } from './find-copies.js';
import type { Times } from './find-place.js';

/** How long who took a message back waits until everybody finds it so. */
const RECALLED_WITHIN_MS = 1_500;
const LOOK_MS = 50;

type Found = ReadonlyMap<string, ArchivedMessage>;

/** Messages of which somebody speaks, from the archive. */
export class FindMessages implements ArchivedMessages {
  private readonly messages: Collection<ArchivedMessage>;

  constructor(
    connection: Connection,
    private readonly archive: ArchiveLag,
    private readonly times: Times,
  ) {
    this.messages = collectionOf(connection, ARCHIVE_COLLECTION);
  }

  /** Whoever speaks of one has seen it: it was appended before, so an archive that holds all from before can tell. */
  find(userId: string, conversation: string, messageIds: readonly string[]): Promise<Found> {
    const wanted = [...new Set(messageIds)];
    const look = (): Promise<Found> => this.readable(userId, conversation, wanted);
    return lookInto(this.archive, conversation, look, (found) => found.size === wanted.length);
  }

  async recalled(conversation: string, messageId: string): Promise<void> {
    const until = performance.now() + RECALLED_WITHIN_MS;
    while (performance.now() < until) {
      if ((await this.look(conversation, [messageId])).get(messageId)?.recalled) return;
      await after(LOOK_MS);
    }
  }

  private async readable(userId: string, conversation: string, messageIds: string[]): Promise<Found> {
    const found = await this.look(conversation, messageIds);
    const times = await this.times.intervalsOf(conversation, userId);
    return new Map([...found].filter(([, { _id }]) => contains(times, _id.position)));
  }

  private async look(conversation: string, messageIds: string[]): Promise<Found> {
    const filter = { messageId: { $in: messageIds }, '_id.conversation': conversation };
    const rows = await this.messages.find(filter, { promoteBuffers: true }).toArray();
    return new Map(rows.map((row) => [row.messageId, row]));
  }
}
