import { messaging, wire } from '@magpie/contracts';
import { conversationOf, DomainError } from '@magpie/domain';
import { deriveId } from '@magpie/domain/ids';
import { leavesDoubt, PASSING, SEND } from '../device/commands.js';
import type { Witness } from '../device/index.js';
import type { LoadUser, Trial } from './trial.js';

const BATCH_MAX = 20;
const RETRY_MS = 300;

/** Whom or what one writes to. */
export interface Peer {
  /** A user, or a group. */
  readonly peerId: string;
  /** Who has to be told of what `from` writes, besides `from`. */
  readersOf(from: LoadUser): readonly LoadUser[];
}

/** Somebody as the other one of two. */
export const peerOf = (user: LoadUser): Peer => ({ peerId: user.userId, readersOf: () => [user] });

interface Waiting {
  readonly trial: Trial;
  readonly messageId: string;
  readonly outgoing: messaging.OutgoingMessage;
  /** An attempt ended without an answer that says what became of it. */
  doubtful: boolean;
}

/** One device's way into one conversation: one request under way, what waits goes together, and again until resolved. */
export class Lane {
  private readonly conversation: string;
  private waiting: Waiting[] = [];
  private busy = false;
  private stopped = false;

  constructor(
    private readonly from: LoadUser,
    private readonly device: Witness,
    private readonly to: Peer,
  ) {
    this.conversation = conversationOf(from.userId, to.peerId);
  }

  /** Whether something waits for its answer. */
  get isBusy(): boolean {
    return this.busy;
  }

  /** Writes a message, or wrote it `agoMs` ago and found no way until now; it leaves as soon as the lane is free. */
  write(trial: Trial, clientId: string, text: string, agoMs = 0): void {
    const { conversation, from, device } = this;
    const to = this.to.peerId;
    const clientTimeMs = Date.now() - agoMs;
    const messageId = deriveId('m', from.userId, conversation, clientId, clientTimeMs);
    const content = { content: { $case: 'text' as const, value: { text } } };
    const outgoing = messaging.OutgoingMessage.fromPartial({ clientId, clientTimeMs, to, content });
    trial.sending({ messageId, from, to, readers: this.to.readersOf(from), device, conversation });
    this.waiting.push({ trial, messageId, outgoing, doubtful: false });
    if (!this.busy) void this.drain();
  }

  /** Gives up on what waits. */
  stop(): void {
    this.stopped = true;
  }

  private async drain(): Promise<void> {
    this.busy = true;
    // What is written in one turn leaves together.
    await Promise.resolve();
    while (this.waiting.length > 0 && !this.stopped) {
      const batch = this.waiting.slice(0, BATCH_MAX);
      const kept = await this.send(batch);
      this.waiting = [...kept, ...this.waiting.slice(batch.length)];
      if (kept.length > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    this.busy = false;
  }

  /** Answers those that have to be sent again. */
  private async send(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    const request = messaging.SendMessagesRequest.encode({ messages: batch.map(({ outgoing }) => outgoing) }).finish();
    try {
      const { results } = messaging.SendMessagesResponse.decode(await this.device.call(SEND, request));
      return batch.filter((each, index) => !resolve(each, results[index]?.code ?? wire.Code.INTERNAL));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      for (const each of batch) each.doubtful = true;
      return batch;
    }
  }
}

/** Whether the answer is final. */
function resolve(each: Waiting, code: wire.Code): boolean {
  if (code === wire.Code.OK) {
    each.trial.answered(each.messageId, 'ok');
    return true;
  }
  if (PASSING.has(code)) {
    each.doubtful ||= leavesDoubt(code);
    return false;
  }
  each.trial.answered(each.messageId, each.doubtful ? 'unknown' : 'refused', wire.Code[code]);
  return true;
}
