import type { event } from '@magpie/contracts';
import type { Appended, Appender, EventLog } from '@magpie/event-log';
import type { Ground } from '@magpie/event-store';
import { crashPoint, type Logger } from '@magpie/observability';
import type { MessageLog } from '../commands/send-messages.js';
import { REPEATS, type LogClock } from '../domain/repeats.js';
import { MESSAGE_TOPIC } from '../projections/archive.projection.js';

/** The message topic: what is acknowledged by it is sent. */
export class KafkaMessageLog implements MessageLog {
  private readonly appender: Appender;
  /** Last position that this process appended, by partition. */
  private readonly positions = new Map<number, number>();

  constructor(
    private readonly log: EventLog,
    private readonly logger: Logger,
    /** What messages of groups build on: the changes of their groups. */
    private readonly groups: Pick<Ground, 'holds'>,
  ) {
    this.appender = log.appender({ topics: [MESSAGE_TOPIC], lane: 'request' });
  }

  clock(): LogClock {
    const nowMs = this.log.serverTime();
    const { lastAppendAt, jumped } = this.log.clockState();
    const age = nowMs - lastAppendAt;
    // An append in the future: the clock of this process went back since.
    return { nowMs, trusted: !jumped && age <= REPEATS.clockFreshMs && age >= -REPEATS.clientTimeFutureMaxMs };
  }

  async append(conversation: string, events: readonly event.Event[], requestId: string): Promise<readonly Appended[]> {
    const entries = events.map((each) => ({ topic: MESSAGE_TOPIC, key: conversation, requestId, events: [each] }));
    const signal = conversation.startsWith('g.') ? await this.groups.holds(conversation) : undefined;
    crashPoint('messages.before-append');
    const appended = await this.appender.appendAll(entries, signal);
    crashPoint('messages.after-append');
    for (const { partition, offset } of appended)
      this.logger.debug({ requestId, partition, offset }, 'message appended');
    const last = appended.at(-1)!;
    this.positions.set(last.partition, Math.max(last.position, this.positions.get(last.partition) ?? 0));
    return appended;
  }

  /** Last position that this process appended to the conversation's partition; 0 = none. */
  lastPosition(conversation: string): number {
    return this.positions.get(this.log.partitionFor(MESSAGE_TOPIC, conversation)) ?? 0;
  }

  stop(): Promise<void> {
    return this.appender.close(CLOSE_DEADLINE_MS);
  }
}

const CLOSE_DEADLINE_MS = 5000;
