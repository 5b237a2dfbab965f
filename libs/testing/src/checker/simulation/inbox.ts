/** A message on its way to the users of one inbox partition. */
export interface InboxRecord {
  /** The record that it comes from; the conversation stands for the partition. */
  readonly source: { readonly conversation: string; readonly at: number };
  readonly users: readonly string[];
  readonly messageId: string;
  readonly position: number;
}

export interface Inbox {
  generation: number;
  records: InboxRecord[];
}
