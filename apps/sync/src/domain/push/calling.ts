/** What of an entry calls its reader. */
export interface Calling {
  readonly kind: 'message' | 'mention' | 'request';
  /** What pushes are gathered by: the conversation from the reader's side, or the requests. */
  readonly peer: string;
  readonly messageId: string;
  /** Of the message in its log; 0 = it has none. */
  readonly position: number;
  /** Feed key. */
  readonly key: number;
  readonly from: string;
  /** Ms since 1970. */
  readonly atMs: number;
  /** What is shown of it to who wants to see content; '' = it has a kind only. */
  readonly text: string;
  /** Case of the content, for its name. */
  readonly contentKind: string;
}

/** The requests' place among the conversations; no id looks like it. */
export const REQUESTS = 'requests';

/** What is gathered into one push to one device. */
export interface Gathered {
  readonly peer: string;
  readonly kind: Calling['kind'];
  /** Feed keys of all that is in it. */
  readonly keys: readonly number[];
  readonly last: Calling;
}

export interface Judged {
  readonly callings: readonly Calling[];
  /** Peers whose messages call nobody, unless they name the reader. */
  readonly muted: ReadonlySet<string>;
  /** Messages and requests that call nobody any more. */
  readonly over: ReadonlySet<string>;
  /** Positions up to which the user has read, by peer. */
  readonly read: ReadonlyMap<string, number>;
  readonly now: number;
  readonly expiryMs: number;
}

/** One push per conversation, of what calls now. */
export function gather({ callings, muted, over, read, now, expiryMs }: Judged): Gathered[] {
  const byPeer = new Map<string, Gathered>();
  for (const calling of callings) {
    const { kind, peer, messageId, position, atMs } = calling;
    if (atMs < now - expiryMs || over.has(messageId)) continue;
    if (position !== 0 && position <= (read.get(peer) ?? 0)) continue;
    if (kind === 'message' && muted.has(peer)) continue;
    const before = byPeer.get(peer);
    byPeer.set(peer, {
      peer,
      kind: before?.kind === 'mention' ? 'mention' : kind,
      keys: [...(before?.keys ?? []), calling.key],
      last: calling,
    });
  }
  return [...byPeer.values()];
}
