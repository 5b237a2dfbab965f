import { WireType } from '@bufbuild/protobuf/wire';
import { written } from '@magpie/contracts';
import type { NoticeContent } from '../domain/notice-chain.js';

const FROM_KEY_FIELD = 1;
const TO_KEY_FIELD = 2;
const ITEMS_FIELD = 3;

/** A `magpie.gateway.v1.Notice` around items that stay as they are. */
export function encodeNotice({ fromKey, toKey, items }: NoticeContent): Uint8Array {
  return written((writer) => {
    if (fromKey !== 0) writer.tag(FROM_KEY_FIELD, WireType.Varint).int64(fromKey);
    if (toKey !== 0) writer.tag(TO_KEY_FIELD, WireType.Varint).int64(toKey);
    for (const item of items) writer.tag(ITEMS_FIELD, WireType.LengthDelimited).bytes(item);
    return writer;
  });
}
