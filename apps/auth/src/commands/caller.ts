/** The session that a command comes from, as the edge has verified it. */
export interface SessionCaller {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
}
