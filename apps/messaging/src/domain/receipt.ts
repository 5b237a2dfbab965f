/** How far somebody is in a conversation; both only rise, and what is read is delivered. */
export interface Receipt {
  /** Conversation and reader. */
  readonly _id: string;
  readonly read?: number;
  readonly delivered: number;
}

const SEPARATOR = ' ';

export function receiptIdOf(conversation: string, reader: string): string {
  return conversation + SEPARATOR + reader;
}

export function whoseReceipt({ _id }: Pick<Receipt, '_id'>): { conversation: string; reader: string } {
  const [conversation, reader] = _id.split(SEPARATOR) as [string, string];
  return { conversation, reader };
}
