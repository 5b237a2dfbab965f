import { messaging as contract, wire } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { collectionOf, connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { eventually } from '@magpie/testing';
import { DIALOGUE_COLLECTION, SEARCH_COLLECTION, type SearchBlock } from '../src/projections/search-index.js';
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

  it('does not find what was taken back, nor what one has deleted or cleared, for oneself', async () => {
    const [kept, gone, later] = await say(ann, bob, '收回 kept', '收回 gone', '收回 later');
    await found(bob, '收回', [later!, gone!, kept!]);
    await system.call('recallMessage', ann, { peer: bob, messageId: gone!, commandId: 'r1' });
    await found(bob, '收回', [later!, kept!]);
    await system.call('deleteMessages', bob, { peer: ann, messageIds: [later!], commandId: 'd1' });
    expect(await search(bob, { query: '收回' })).toEqual([kept]);
    expect(await search(ann, { query: '收回' })).toEqual([later, kept]);
    const { messages } = await system.call('searchMessages', ann, { query: '收回' });
    const { position } = messages.at(-1)!;
    await system.call('clearConversation', ann, { peer: bob, position, commandId: 'c1' });
    expect(await search(ann, { query: '收回' })).toEqual([later]);
    await eventually(async () => {
      const blocks = await collectionOf<SearchBlock>(database, SEARCH_COLLECTION).find().toArray();
      expect(blocks.flatMap(({ x }) => x).filter((line) => line.endsWith('收回 gone'))).toEqual([]);
    });
  }, 30_000);

  it('finds in a group what was said while one was a member', async () => {
    const create = { name: 'trio', members: [bob], commandId: 'g1' };
    const { groupId } = (await system.call('createGroup', ann, create)).group!;
    const [first] = await say(bob, groupId, '群里第一句');
    await found(bob, '群里', [first!]);
    await system.call('removeMember', ann, { groupId, userId: bob, commandId: 'g2' });
    await system.call('addMembers', ann, { groupId, members: [eve], commandId: 'g3' });
    const [second] = await say(ann, groupId, '群里第二句');
    await found(ann, '群里', [second!, first!]);
    await found(eve, '群里', [second!]);
    for (const peer of ['', groupId]) expect(await search(bob, { query: '群里', peer })).toEqual([first]);
    const { messages } = await system.call('searchMessages', eve, { query: '群里' });
    expect(messages[0]).toMatchObject({ from: ann, peer: groupId, clientId: '' });
  }, 30_000);

  it('finds everything again after the index was dropped, and what was said meanwhile', async () => {
    const [before] = await say(ann, eve, '失而复得 before');
    await found(eve, '失而复得', [before!]);
    await database.dropCollection(SEARCH_COLLECTION);
    await database.dropCollection(DIALOGUE_COLLECTION);
    const [after] = await say(ann, eve, '失而复得 after');
    await found(eve, '失而复得', [after!, before!]);
    await eventually(async () => expect(await search(bob, { query: '开会' })).toHaveLength(1));
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
