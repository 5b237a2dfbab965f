import { randomBytes } from 'node:crypto';
import { messaging } from '@magpie/contracts';
import { contains, conversationOf, type Interval } from '@magpie/domain';
import { deriveId } from '@magpie/domain/ids';
import { collectionOf, connectMongo, ensureIndexes, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { chatter, choicesOf } from '@magpie/testing';
import { Chinese } from '../src/clients/language.client.js';
import { searchable } from '../src/domain/search-text.js';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../src/projections/archive.projection.js';
import { MEMBERSHIP_COLLECTION, type MembershipDocument } from '../src/projections/membership.projection.js';
import { SearchBlocks } from '../src/projections/search-blocks.js';
import { SEARCH_COLLECTION, SEARCH_INDEX } from '../src/projections/search-index.js';
import { MembersRead } from '../src/queries/readable.js';
import { SearchMessages } from '../src/queries/search-messages.js';

const SEED = 7;
const MESSAGES = 3_000;
const QUERIES = 200;
const USERS = 12;
const GROUPS = 4;
const EVERY_MS = 3;

const choose = choicesOf(SEED);
const language = new Chinese();
const users = Array.from({ length: USERS }, (_, n) => deriveId('u', `search-${n}`));
const groups = Array.from({ length: GROUPS }, (_, n) => `g.${deriveId('g', `search-${n}`)}`);
const one = <T>(list: readonly T[]): T => list[choose(list.length)]!;

interface Said {
  readonly row: ArchivedMessage;
  readonly from: string;
  readonly plain: string;
}

// Goal: for whatever is typed out of what was said, everybody finds all of what they may read, nothing else, the newest
// first, as a scan of everything does. Real: MongoDB and the dictionaries.
describe(`search in ${MESSAGES} messages`, () => {
  let connection: Connection;
  let search: SearchMessages;
  let corpus: Said[];
  const cleared = new Map(users.map((user) => [user, new Map<string, number>()]));
  const deleted = new Map(users.map((user) => [user, new Set<string>()]));
  const memberships: MembershipDocument[] = groups.flatMap((conversation) =>
    users.filter(() => choose(3) > 0).map((user) => ({ _id: { conversation, user }, version: 1, intervals: times() })),
  );

  beforeAll(async () => {
    const database = `t-${randomBytes(4).toString('hex')}-search`;
    connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger: silentLogger() });
    const line = await chatter(choose);
    corpus = Array.from({ length: MESSAGES }, (_, n) => said(n + 1, line()));
    for (const { row, from } of corpus) {
      if (choose(40) === 0) deleted.get(one(users))!.add(row.messageId);
      if (choose(300) === 0) cleared.get(from)!.set(row._id.conversation, row._id.position);
    }
    const rows = corpus.map(({ row }) => row);
    await ensureIndexes(collectionOf(connection, SEARCH_COLLECTION), [SEARCH_INDEX]);
    await collectionOf<ArchivedMessage>(connection, ARCHIVE_COLLECTION).insertMany(rows);
    await write(rows);
    await collectionOf<MembershipDocument>(connection, MEMBERSHIP_COLLECTION).insertMany(memberships);
    await collectionOf(connection, 'state_search').insertOne({ _id: 'index' as never, whole: true });
    search = new SearchMessages(
      connection,
      language,
      new MembersRead(connection, { lagMs: () => Promise.resolve(0) }),
      {
        clearedOf: async (user) => cleared.get(user)!,
        deletedOf: async (user, ids) => new Set(ids.filter((id) => deleted.get(user)!.has(id))),
      },
    );
  }, 60_000);

  afterAll(async () => {
    await connection.dropDatabase();
    await connection.close();
  });

  /** As the log comes, to owners that do not know of each other, with stretches of it again, and parts of the archive. */
  async function write(rows: ArchivedMessage[]): Promise<void> {
    const owners = [1, 2].map(() => new SearchBlocks(connection, language));
    for (let from = 0; from < rows.length;) {
      const to = from + 1 + choose(60);
      await one(owners).append(rows.slice(from, to));
      if (choose(10) === 0) owners.push(new SearchBlocks(connection, language));
      if (choose(10) === 0) await one(owners).read(rows.slice(from, to));
      from = choose(5) === 0 ? Math.max(0, from - choose(50)) : to;
    }
  }

  /** A few times in a group, by positions. */
  function times(): Interval[] {
    const edges = Array.from({ length: 2 + choose(3) }, () => choose(MESSAGES)).toSorted((a, b) => a - b);
    return edges.flatMap((joined, k) => (k % 2 === 0 ? [{ joined, left: edges[k + 1] ?? Infinity }] : []));
  }

  function said(position: number, words: string): Said {
    const from = one(users);
    const isInGroup = choose(2) === 0;
    const conversation = isInGroup ? one(groups) : conversationOf(from, one(users));
    const messageId = deriveId('m', `search-${position}`);
    const file = { mediaId: 'f', name: words, size: 1, mediaType: '' };
    const content =
      choose(10) === 0 ? { $case: 'file' as const, value: file } : { $case: 'text' as const, value: { text: words } };
    const sent = messaging.MessageSent.fromPartial({ messageId, from, content: { content } });
    const body = messaging.MessageSent.encode(sent).finish();
    // Several in one millisecond, as a batch of the log has them.
    const at = Math.floor(position / EVERY_MS);
    const row = { _id: { conversation, position }, messageId, at, body, renderings: [] };
    return { row, from, plain: searchable(words, language) };
  }

  function mayRead(user: string, { row }: Said): boolean {
    const { conversation, position } = row._id;
    if (deleted.get(user)!.has(row.messageId)) return false;
    if (position <= (cleared.get(user)!.get(conversation) ?? 0)) return false;
    if (conversation.startsWith('d.')) return conversation.split('.').includes(user);
    const own = memberships.find(({ _id }) => _id.conversation === conversation && _id.user === user);
    return own !== undefined && contains(own.intervals, position);
  }

  /** What a scan of everything finds. */
  function scanned(user: string, query: string, filter: (each: Said) => boolean = () => true): string[] {
    const words = searchable(query, language).split(' ');
    return corpus
      .filter((each) => words.every((word) => each.plain.includes(word)) && mayRead(user, each) && filter(each))
      .map(({ row }) => row.messageId)
      .reverse();
  }

  async function searched(user: string, request: Partial<messaging.SearchMessagesRequest>): Promise<string[]> {
    const found: string[] = [];
    let pageToken = '';
    do {
      const whole = messaging.SearchMessagesRequest.fromPartial({ ...request, pageToken });
      const page = await search.execute(user, whole);
      expect(page.messages.length).toBeLessThanOrEqual(whole.limit || 20);
      found.push(...page.messages.map(({ messageId }) => messageId));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return found;
  }

  function typedOut(length: number): string {
    for (;;) {
      const characters = Array.from(one(corpus).plain);
      const from = choose(characters.length);
      const query = characters.slice(from, from + length).join('');
      if (query.trim() !== '') return query;
    }
  }

  it('finds what a scan finds', async () => {
    let found = 0;
    for (let n = 0; n < QUERIES; n++) {
      const query = typedOut(2 + (n % 7));
      const user = one(users);
      const expected = scanned(user, query);
      expect({ query, found: await searched(user, { query, limit: one([0, 2, 100, 100]) }) }).toEqual({
        query,
        found: expected,
      });
      found += expected.length;
    }
    expect(found).toBeGreaterThan(QUERIES);
  }, 60_000);

  it('finds single characters, and several words that stand apart', async () => {
    for (const query of [typedOut(1), '的', '一 了', `${typedOut(2)} ${typedOut(1)}`, '👍']) {
      for (const user of users.slice(0, 3)) {
        expect({ query, found: await searched(user, { query, limit: 100 }) }).toEqual({
          query,
          found: scanned(user, query),
        });
      }
    }
  }, 60_000);

  it('finds by sender, kind, conversation and time what a scan finds', async () => {
    let found = 0;
    for (let n = 0; n < 40; n++) {
      const [user, from] = [one(users), one(users)];
      const query = typedOut(2);
      const since = 1 + choose(MESSAGES / EVERY_MS);
      const group = one(groups);
      const isIn = (conversation: string) => (each: Said) => each.row._id.conversation === conversation;
      const own = memberships.some(({ _id }) => _id.conversation === group && _id.user === user);
      const kind = one(['file', 'text'] as const);
      const kindOf = ({ row }: Said) => messaging.MessageSent.decode(row.body).content?.content?.$case;
      const pairs: [Partial<messaging.SearchMessagesRequest>, (each: Said) => boolean][] = [
        [{ from }, (each) => each.from === from],
        [{ kinds: [kind] }, (each) => kindOf(each) === kind],
        [{ sinceMs: since, untilMs: since + 300 }, ({ row }) => row.at >= since && row.at <= since + 300],
        [{ peer: from }, isIn(conversationOf(user, from))],
        ...(own ? [[{ peer: group.slice(2) }, isIn(group)] as never] : []),
      ];
      for (const [filter, holds] of pairs) {
        const expected = scanned(user, query, holds);
        expect({ query, found: await searched(user, { query, limit: 7, ...filter }) }).toEqual({
          query,
          found: expected,
        });
        found += expected.length;
      }
    }
    expect(found).toBeGreaterThan(0);
  }, 60_000);
});
