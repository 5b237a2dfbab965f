import { appendFields, int64Field, messageField } from '@magpie/contracts';
import type { NoticeContent } from '../domain/notice-chain.js';

/** A `magpie.gateway.v1.Notice` around items that stay as they are. */
export function encodeNotice({ fromKey, toKey, items }: NoticeContent): Uint8Array {
  const fields = [int64Field(1, fromKey), int64Field(2, toKey)];
  for (const item of items) fields.push(messageField(3, item));
  return appendFields(...fields);
}
