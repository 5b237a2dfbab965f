import { Conversation } from './conversation.js';

/** What a sender was told in the end: `unknown` = it gave up without an answer, or was refused after such an attempt. */
export type Outcome = 'ok' | 'refused' | 'unknown';

/** A device as a sender. */
export interface Sender {
  readonly user: string;
  /** `user/device` */
  readonly name: string;
}

/** Everything known of one message. */
export interface MessageFacts {
  /** Unique in the run: the order in which messages were first heard of. */
  readonly index: number;
  readonly messageId: string;
  readonly conversation: Conversation;
  /** undefined = no sender told of it. */
  sender: Sender | undefined;
  /** undefined = not answered. */
  outcome: Outcome | undefined;
  requestId: string | undefined;
  sentAtMs: number | undefined;
  answeredAtMs: number | undefined;
  /** Whether somebody was told that it is taken back. */
  takenBack: boolean;
  /** As first shown or answered; undefined = neither. */
  position: number | undefined;
  /** Devices that showed it, each counted once. */
  shownOn: number;
}

/** The messages of a run by id, in the order in which they were first heard of. */
export class Messages {
  readonly conversations = new Map<string, Conversation>();
  private readonly byId = new Map<string, MessageFacts>();

  conversation(name: string): Conversation {
    let conversation = this.conversations.get(name);
    if (conversation === undefined) this.conversations.set(name, (conversation = new Conversation(name)));
    return conversation;
  }

  known(messageId: string): MessageFacts | undefined {
    return this.byId.get(messageId);
  }

  find(messageId: string, conversationName: string): MessageFacts {
    const known = this.byId.get(messageId);
    if (known !== undefined) return known;
    const conversation = this.conversation(conversationName);
    const facts: MessageFacts = {
      index: this.byId.size,
      messageId,
      conversation,
      sender: undefined,
      outcome: undefined,
      requestId: undefined,
      sentAtMs: undefined,
      answeredAtMs: undefined,
      takenBack: false,
      position: undefined,
      shownOn: 0,
    };
    this.byId.set(messageId, facts);
    conversation.messages.push(facts);
    return facts;
  }
}

/** The outcome after a further attempt with the same ids: an OK stays, doubt stays until an OK ends it. */
export function mergeOutcome(before: Outcome | undefined, next: Outcome): Outcome {
  if (before === undefined || before === next) return next;
  return before === 'ok' || next === 'ok' ? 'ok' : 'unknown';
}
