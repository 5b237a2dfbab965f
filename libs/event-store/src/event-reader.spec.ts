import { event } from '@magpie/contracts';
import type { Commit } from './commit.js';
import { EventReader } from './event-reader.js';

const COMMITS = 5;
const BODY_BYTES = 400_000;

/** A store of one stream whose every commit weighs two fifths of a page. */
const commits = Array.from({ length: COMMITS }, (_, index): Commit => {
  return { stream: 'account:one', number: index + 1, commandId: `c${index}`, events: [], at: 1 };
});
const store = {
  readRange: async (after: { number: number }, _end: object, limit: number) =>
    commits.filter(({ number }) => number > after.number).slice(0, limit),
};

// Goal: a page ends by its bytes, and the next one goes on behind it without loss. The store is a stand-in.
describe('pages of large events', () => {
  const body = new Uint8Array(BODY_BYTES);
  const large = { type: 'magpie.auth.v1.AccountRegistered', body } as event.Event;
  const reader = new EventReader({
    store: store as never,
    publish: () => ({ topic: 'auth.account.v1', key: 'one', events: [large] }),
    streams: { 'auth.account.v1': 'account:' },
  });

  it('hold what fits and come to an end', async () => {
    const pages: number[][] = [];
    for (let pageToken: string | undefined = ''; pageToken !== undefined;) {
      const asked = event.ReadEventsRequest.fromPartial({ topic: 'auth.account.v1', key: 'one', pageToken });
      const { entries, nextPageToken } = await reader.readEvents(asked);
      pages.push(entries.map(({ version }) => version));
      pageToken = nextPageToken === '' ? undefined : nextPageToken;
    }
    expect(pages).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });
});
