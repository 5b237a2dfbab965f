import type { messaging } from '@magpie/contracts';
import type { Changes, Kept } from './journal.js';
import type { Progress } from './local-message.js';

const NOWHERE: Progress = { read: 0, delivered: 0 };

const keyOf = (peer: string, reader: string): string => `receipt/${peer}/${reader}`;

/** How far a reader is in a conversation; what was read was delivered. */
export async function progress(kept: Kept, peer: string, reader: string): Promise<Progress> {
  return (await kept.get<Progress>(keyOf(peer, reader))) ?? NOWHERE;
}

/** Takes a receipt: of several the greatest positions count. Answers how far the reader was and is; undefined when that is the same. */
export async function stageReceipt(
  changes: Changes,
  receipt: messaging.Receipt,
): Promise<{ was: Progress; is: Progress } | undefined> {
  const { peer, reader, readPosition, deliveredPosition } = receipt;
  const was = await progress(changes, peer, reader);
  const read = Math.max(was.read, readPosition);
  const is = { read, delivered: Math.max(was.delivered, deliveredPosition, read) };
  if (is.read === was.read && is.delivered === was.delivered) return undefined;
  changes.put(keyOf(peer, reader), is);
  return { was, is };
}

/** All that is known, by conversation and reader. */
export async function allProgress(kept: Kept): Promise<{ peer: string; reader: string; progress: Progress }[]> {
  const found = await kept.list<Progress>({ prefix: 'receipt/' });
  return found.map(([key, progress]) => {
    const [, peer = '', reader = ''] = key.split('/');
    return { peer, reader, progress };
  });
}
