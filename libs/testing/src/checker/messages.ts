/** What a sender was told in the end: `unknown` = it gave up without an answer, or was refused after such an attempt. */
export type Outcome = 'ok' | 'refused' | 'unknown';

/** Everything known of one message; `index` is its place in the per-device tables. */
export interface MessageFacts {
  readonly index: number;
  readonly messageId: string;
  readonly conversation: string;
  outcome: Outcome | undefined;
  sender: string;
  /** `user/device` that sent it. */
  senderDevice: string;
  /** As first shown; undefined = shown nowhere. */
  position: number | undefined;
}

/** The messages of a run by id, in the order in which they were first heard of. */
export class Messages {
  readonly all: MessageFacts[] = [];
  private readonly byId = new Map<string, MessageFacts>();

  find(messageId: string, conversation: string): MessageFacts {
    const known = this.byId.get(messageId);
    if (known !== undefined) return known;
    const facts: MessageFacts = {
      index: this.all.length,
      messageId,
      conversation,
      outcome: undefined,
      sender: '',
      senderDevice: '',
      position: undefined,
    };
    this.byId.set(messageId, facts);
    this.all.push(facts);
    return facts;
  }
}

/** The outcome after a further attempt with the same ids: an OK stays, doubt stays until an OK ends it. */
export function mergeOutcome(before: Outcome | undefined, next: Outcome): Outcome {
  if (before === undefined || before === next) return next;
  return before === 'ok' || next === 'ok' ? 'ok' : 'unknown';
}
