/** Which devices have a link, as far as the owner of their user's feed is told. */
export interface Presence {
  isOnline(userId: string, deviceId: string): boolean;
}
