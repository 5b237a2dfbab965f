import { messaging } from '@magpie/contracts';
import type { ArchivedMessages } from '../commands/recall-message.js';
import type { ForwardedMessages } from '../commands/send-messages.js';
import type { CheckedForward, Forwardable } from '../domain/forward.js';
import type { ArchivedMessage } from '../projections/archive.projection.js';
import type { Hidden } from './list-history.js';

/** Messages that somebody forwards, as far as this user finds them in history. */
export class FindForwarded implements ForwardedMessages {
  constructor(
    private readonly messages: ArchivedMessages,
    private readonly hidden: Hidden,
  ) {}

  async find(userId: string, forward: CheckedForward): Promise<ReadonlyMap<string, Forwardable>> {
    const { conversation, messageIds, peer } = forward;
    const found = [...(await this.messages.find(userId, conversation, messageIds))];
    const cleared = await this.hidden.clearedUpTo(userId, peer);
    const deleted = await this.hidden.deletedOf(userId, messageIds);
    const shown = found.filter(([id, { _id }]) => _id.position > cleared && !deleted.has(id));
    return new Map(shown.map(([id, message]) => [id, forwardable(message)]));
  }
}

function forwardable({ _id, at, recalled, body }: ArchivedMessage): Forwardable {
  return { position: _id.position, at, recalled: recalled === true, sent: messaging.MessageSent.decode(body) };
}
