/** Bounds of what a client may send (client-contract.md, "messaging"). */
export const MESSAGE_LIMITS = {
  messagesPerRequestMax: 50,
  clientIdLengthMax: 64,
  textLengthMax: 4096,
  mentionsMax: 100,
  historyPageMax: 100,
} as const;
