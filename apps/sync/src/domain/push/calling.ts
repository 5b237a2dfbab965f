/** What of an entry calls its reader. */
export interface Calling {
  readonly kind: 'message' | 'mention' | 'request';
  /** What pushes are gathered by: the conversation from the reader's side, or the requests. */
  readonly peer: string;
  readonly messageId: string;
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
  readonly count: number;
  readonly last: Calling;
}

export interface Judged {
  readonly callings: readonly Calling[];
  /** Peers whose messages call nobody, unless they name the reader. */
  readonly muted: ReadonlySet<string>;
  /** Messages that were taken back meanwhile. */
  readonly recalled: ReadonlySet<string>;
  readonly now: number;
  readonly expiryMs: number;
}

/** One push per conversation, of what calls now. */
export function gather({ callings, muted, recalled, now, expiryMs }: Judged): Gathered[] {
  const byPeer = new Map<string, Gathered>();
  for (const calling of callings) {
    const { kind, peer, messageId, atMs } = calling;
    if (atMs < now - expiryMs || recalled.has(messageId)) continue;
    if (kind === 'message' && muted.has(peer)) continue;
    const before = byPeer.get(peer);
    byPeer.set(peer, {
      peer,
      kind: before?.kind === 'mention' ? 'mention' : kind,
      count: (before?.count ?? 0) + 1,
      last: calling,
    });
  }
  return [...byPeer.values()];
}
