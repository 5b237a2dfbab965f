/** Key of the conversation between two people: `d.<lower id>.<higher id>`; of a group: `g.<group id>`. */
export function conversationOf(from: string, to: string): string {
  if (to.startsWith('g')) return `g.${to}`;
  return from <= to ? `d.${from}.${to}` : `d.${to}.${from}`;
}

/** The other one of a conversation of two, as `userId` sees it (oneself, talking to oneself); undefined: not theirs. */
export function partnerIn(conversation: string, userId: string): string | undefined {
  const [kind, lower, higher] = conversation.split('.');
  if (kind !== 'd') return undefined;
  if (lower === userId) return higher;
  return higher === userId ? lower : undefined;
}
