import { messaging as contract, wire } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { collectionOf, connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { eventually } from '@magpie/testing';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../src/projections/archive.projection.js';
import { DIALOGUE_COLLECTION, SEARCH_COLLECTION } from '../src/projections/search-index.js';
import { GroupSystem } from './group-system.js';

const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => deriveId('u', name)) as [string, string, string];

// Goal: what was acknowledged is found soon by those who may read it, also after the index was lost, and not any more once
// its words are gone. Real: the service, Kafka, MongoDB. Auth and social are stood in for.
describe('SearchMessages', () => {
  let system: GroupSystem;
  let database: Connection;
  let sequence = 0;

  beforeAll(async () => {
    system = await GroupSystem.start();
    const name = `${system.namespace}messaging`;
    database = await connectMongo({ uri: process.env['MONGODB_URI']!, database: name, logger: silentLogger() });
  }, 60_000);

  afterAll(async () => {
    await database.close();
    await system.stop();
  }, 60_000);

  const say = async (from: string, to: string, ...texts: string[]): Promise<string[]> => {
    const messages = texts.map((text) =>
      contract.OutgoingMessage.fromPartial({
        ...{ clientId: `c${++sequence}`, clientTimeMs: Date.now(), to },
        content: { content: { $case: 'text', value: { text } } },
      }),
    );
    const { results } = await system.call('sendMessages', from, { messages });
    expect(results.map(({ code }) => code)).toEqual(texts.map(() => wire.Code.OK));
    return results.map(({ messageId }) => messageId);
  };
  const search = async (userId: string, request: Partial<contract.SearchMessagesRequest>): Promise<string[]> => {
    const { messages } = await system.call('searchMessages', userId, request);
    return messages.map(({ messageId }) => messageId);
  };
  const found = (userId: string, query: string, ids: string[]): Promise<void> =>
    eventually(async () => expect(await search(userId, { query })).toEqual(ids));

  it('finds a message for both sides, each its own way, and for nobody else', async () => {
    const [first, second] = await say(ann, bob, '明天上午在公司開會', '好，明天见');
    await found(ann, '明天', [second!, first!]);
    await found(bob, '开会', [first!]);
    const { messages } = await system.call('searchMessages', bob, { query: '开会' });
    expect(messages[0]).toMatchObject({ from: ann, peer: ann, clientId: '' });
    expect(await search(bob, { query: '明天', peer: ann })).toEqual([second, first]);
    expect(await search(bob, { query: '明天', peer: eve })).toEqual([]);
    expect(await search(eve, { query: '明天' })).toEqual([]);
    expect(await search(eve, { query: '明天', peer: bob })).toEqual([]);
  }, 30_000);

  it('goes on from page to page past what comes meanwhile', async () => {
    const ids = await say(ann, ann, ...Array.from({ length: 5 }, (_, n) => `Seite ${n}`));
    await found(ann, 'seite', ids.toReversed());
    const request = { query: 'seite', limit: 3 };
    const first = await system.call('searchMessages', ann, request);
    const late = await say(ann, ann, 'Seite 5');
    await found(ann, 'seite', [...late, ...ids.toReversed()]);
    const second = await system.call('searchMessages', ann, { ...request, pageToken: first.nextPageToken });
    const shown = [...first.messages, ...second.messages].map(({ messageId }) => messageId);
    expect(shown).toEqual(ids.toReversed());
    const other = { ...request, query: 'seiten', pageToken: first.nextPageToken };
    await expect(system.call('searchMessages', ann, other)).rejects.toMatchObject({ code: 'INVALID' });
    const foreign = { ...request, pageToken: first.nextPageToken };
    await expect(system.call('searchMessages', bob, foreign)).rejects.toMatchObject({ code: 'INVALID' });
  }, 30_000);

  it('finds both ends of a long text, and what lies between', async () => {
    const long = `头一个${'长'.repeat(1_500)}中间字${'长'.repeat(1_500)}最后面`;
    const [id] = await say(ann, bob, long);
    for (const query of ['头一个', '中间字', '最后面', '头一 后面']) await found(bob, query, [id!]);
  }, 30_000);

  it('does not find what has lost its words, however the index stands', async () => {
    const [kept, gone] = await say(ann, bob, '收回 kept', '收回 gone');
    await found(bob, '收回', [gone!, kept!]);
    const rows = collectionOf<ArchivedMessage>(database, ARCHIVE_COLLECTION);
    const body = contract.Message.encode(contract.Message.fromPartial({ messageId: gone!, recalled: true })).finish();
    await rows.updateOne({ messageId: gone! }, { $set: { body } });
    expect(await search(bob, { query: '收回' })).toEqual([kept]);
  }, 30_000);

  it('finds everything again after the index was dropped, and what was said meanwhile', async () => {
    const [before] = await say(ann, eve, '失而复得 before');
    await found(eve, '失而复得', [before!]);
    await database.dropCollection(SEARCH_COLLECTION);
    await database.dropCollection(DIALOGUE_COLLECTION);
    const [after] = await say(ann, eve, '失而复得 after');
    await found(eve, '失而复得', [after!, before!]);
    await found(bob, '开会', [(await search(ann, { query: '开会' }))[0]!]);
  }, 30_000);

  it.each<[string, string, Partial<contract.SearchMessagesRequest>, string, RegExp]>([
    ['no session', '', { query: '明天' }, 'SESSION_REQUIRED', /./],
    ['no query', ann, { query: '' }, 'INVALID', /query: 0 characters, at least 1/],
    ['a query of blanks', ann, { query: ' \u200b ' }, 'INVALID', /query: .* at least 1/],
    ['a query of 65', ann, { query: '长'.repeat(65) }, 'INVALID', /query: 65 characters, at most 64/],
    ['a limit of 101', ann, { query: '明天', limit: 101 }, 'INVALID', /limit: 101, 1 to 100/],
    ['a negative limit', ann, { query: '明天', limit: -1 }, 'INVALID', /limit: -1, 1 to 100/],
    ['a peer that is none', ann, { query: '明天', peer: 'x' }, 'NO_SUCH_PEER', /peer/],
    ['a group of others', ann, { query: '明天', peer: deriveId('g', 'x') }, 'NOT_A_MEMBER', /peer/],
    ['a sender that is none', ann, { query: '明天', from: 'x' }, 'INVALID', /from/],
    ['a kind without words', ann, { query: '明天', kinds: ['image'] }, 'INVALID', /kinds: one of text, file/],
    ['a time before all', ann, { query: '明天', sinceMs: -1 }, 'INVALID', /since_ms/],
    ['a page of no question', ann, { query: '明天', pageToken: 'x' }, 'INVALID', /page_token/],
  ])('refuses %s', async (_name, userId, request, code, message) => {
    await expect(system.call('searchMessages', userId, request)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});
