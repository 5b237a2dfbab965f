/** Members of a conversation of two, from its key; undefined for any other conversation. */
export function membersOfTwo(conversation: string): readonly string[] | undefined {
  const [kind, lower, higher] = conversation.split('.');
  return kind === 'd' && lower && higher ? [lower, higher] : undefined;
}
