import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { sync } from '@magpie/contracts';
import type { InitPage } from '../queries/init.js';
import type { FeedPage } from '../queries/sync.js';

const ITEMS_FIELD = 1;

/**
 * The service with pages in place of its page responses: their items are bytes already, so the answers are put together
 * from them instead of being decoded and encoded again. On the wire nothing differs.
 */
export const PAGED_DEFINITION = {
  ...sync.SyncServiceDefinition,
  methods: {
    ...sync.SyncServiceDefinition.methods,
    init: {
      ...sync.SyncServiceDefinition.methods.init,
      responseType: pageCodec(({ page, pageToken, syncKey }: InitPage) =>
        sync.InitResponse.encode({ items: [], pageToken, syncKey: syncKey && mutable(syncKey) }, withItems(page.items)),
      ),
    },
    sync: {
      ...sync.SyncServiceDefinition.methods.sync,
      responseType: pageCodec(({ page, syncKey }: FeedPage) =>
        sync.SyncResponse.encode(
          { items: [], syncKey: mutable(syncKey), hasMore: page.hasMore },
          withItems(page.items),
        ),
      ),
    },
  },
} as const;

function pageCodec<Page>(encode: (page: Page) => BinaryWriter) {
  return {
    encode,
    decode: (): Page => {
      throw new Error('pages are only written');
    },
  };
}

function withItems(items: readonly Uint8Array[]): BinaryWriter {
  const writer = new BinaryWriter();
  for (const item of items) writer.tag(ITEMS_FIELD, WireType.LengthDelimited).bytes(item);
  return writer;
}

function mutable(key: FeedPage['syncKey']): sync.SyncKey {
  return { entries: [...key.entries], stamp: key.stamp };
}
