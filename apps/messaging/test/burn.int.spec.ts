import { messaging, wire } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { eventually } from '@magpie/testing';
import { GroupSystem } from './group-system.js';

// Goal: a message that burns is gone its time after it was read, whatever stops meanwhile, and no sooner. Real: the
// service, Kafka, MongoDB. Auth and social are stood in for.

import.meta.jest.setTimeout(60_000);
const [ann, bob] = ['ann', 'bob'].map((name) => deriveId('u', name)) as [string, string];
const BURN_MS = 1_000;
let system: GroupSystem;
let database: Connection;
let last = 0;

beforeAll(async () => {
  system = await GroupSystem.start();
  const uri = process.env['MONGODB_URI']!;
  database = await connectMongo({ uri, database: `${system.namespace}messaging`, logger: silentLogger() });
});
afterAll(async () => {
  await database.close();
  await system.stop();
});

/** Sends a text that burns; its place. */
async function send(burnAfterMs = BURN_MS): Promise<messaging.Message> {
  const content = { content: { $case: 'text' as const, value: { text: 'secret' } } };
  const message = { clientId: `c${++last}`, clientTimeMs: Date.now(), to: bob, content, burnAfterMs };
  for (;;) {
    const { results } = await system.call('sendMessages', ann, { messages: [message as messaging.OutgoingMessage] });
    if (results[0]!.code === wire.Code.UNAVAILABLE) continue;
    expect(results[0]!.code).toBe(wire.Code.OK);
    const sent = (await newest(ann))!;
    expect(sent.messageId).toBe(results[0]!.messageId);
    return sent;
  }
}

const newest = async (userId: string) =>
  (await system.call('listHistory', userId, { peer: userId === ann ? bob : ann, limit: 1 })).messages[0];
const read = (userId: string, { position }: messaging.Message) =>
  system.call('markRead', userId, { peer: userId === ann ? bob : ann, position });
const timers = () => database.collection('timers').countDocuments();
const recallsOf = ({ messageId }: messaging.Message) =>
  system.published.flatMap(({ events }) => events.filter(({ dedupeId }) => dedupeId === `recall.${messageId}`));
const noTimers = () => eventually(async () => expect(await timers()).toBe(0));
async function burnt(message: messaging.Message): Promise<void> {
  await eventually(() => expect(recallsOf(message)).not.toEqual([]));
  await noTimers();
}

describe('a message that burns', () => {
  it('is taken back by nobody, its time after it was read', async () => {
    const message = await send();
    expect(message).toMatchObject({ burnAfterMs: BURN_MS, recalled: false });
    const readAt = Date.now();
    await read(bob, message);
    await burnt(message);
    expect(Date.now() - readAt).toBeGreaterThanOrEqual(BURN_MS);
    const { feed } = recallsOf(message)[0]!;
    expect(messaging.Recall.decode(feed!.body)).toMatchObject({ by: '', messageId: message.messageId });
    expect(new Set(feed!.users)).toEqual(new Set([ann, bob]));
    for (const user of [ann, bob]) expect(await newest(user)).toMatchObject({ recalled: true, content: undefined });
  });

  it('stays as long as only its sender has seen it', async () => {
    const message = await send();
    await read(ann, message);
    expect(await timers()).toBe(0);
    expect(await database.collection('state_message').countDocuments({ burns: { $exists: true } })).toBe(1);
    await read(bob, message);
    await burnt(message);
  });

  it('has one time, however often it is read', async () => {
    const message = await send(60_000);
    await read(bob, message);
    const [before] = await database.collection('timers').find().toArray();
    await read(bob, message);
    expect(await database.collection('timers').find().toArray()).toEqual([before]);
    // Taken back before: nothing is left to burn.
    await system.call('recallMessage', ann, { peer: bob, messageId: message.messageId, commandId: 'c' });
    await database.collection('timers').updateMany({}, { $set: { due: new Date(0), next: new Date(0) } });
    await noTimers();
    expect(recallsOf(message).map(({ feed }) => messaging.Recall.decode(feed!.body).by)).toEqual([ann]);
  });

  it('burns after a restart, and again where only the note of it was lost', async () => {
    const message = await send(2 * BURN_MS);
    await read(bob, message);
    await system.stopService();
    expect(await timers()).toBe(1);
    const [timer] = await database.collection('timers').find().toArray();
    await system.startService();
    await burnt(message);
    await database.collection('timers').insertOne(timer!);
    await noTimers();
    expect(recallsOf(message)).toHaveLength(1);
  });
});
