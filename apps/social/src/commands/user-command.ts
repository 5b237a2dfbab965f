/** What every command of a user comes with. */
export interface UserCommand {
  /** Who it is from, as the edge has verified it. */
  readonly by: string;
  /** Of the client. */
  readonly commandId: string;
}
