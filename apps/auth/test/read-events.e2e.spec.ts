import { EVENTS, event } from '@magpie/contracts';
import { GrpcServer, Peers } from '@magpie/grpc';
import { EventReader, EventStore } from '@magpie/event-store';
import { silentLogger } from '@magpie/observability';
import { eventually } from '@magpie/testing';
import { publish, STREAMS } from '../src/publish.js';
import { registration, startSystem, type System } from './system.js';

const CREDENTIAL = 'caller-secret-of-this-test';
const USERS = 5;
const REGISTERED = 'magpie.auth.v1.AccountRegistered';
const refusing = (code: string) => expect.objectContaining({ code });

// Goal: the store answers the same events as the topic holds, page by page. Real: gRPC, MongoDB; the log is a list.
describe('reading events from the store', () => {
  let system: System;
  let server: GrpcServer;
  let peers: Peers;
  const userIds: string[] = [];

  beforeAll(async () => {
    system = await startSystem();
    for (let n = 0; n < USERS; n++) userIds.push((await system.call('register', registration())).session!.userId);
    const store = new EventStore({ connection: system.connection, logger: silentLogger() });
    server = new GrpcServer({ credential: CREDENTIAL, logger: silentLogger() });
    server.serve(event.EventStoreServiceDefinition, new EventReader({ store, publish, streams: STREAMS }));
    const address = await server.listen('127.0.0.1:0');
    peers = new Peers({ endpoints: { auth: [address] }, credential: CREDENTIAL, logger: silentLogger() });
  });
  afterAll(async () => {
    await peers.close();
    await server.close(1_000);
    await system.stop();
  });

  const read = (request: Partial<event.ReadEventsRequest>) =>
    peers
      .client('auth', event.EventStoreServiceDefinition)
      .readEvents(event.ReadEventsRequest.fromPartial({ topic: 'auth.account.v1', ...request }));

  it('answers all streams of a topic in pages, as the relay publishes them', async () => {
    const entries: event.ReadEventsResponse_Entry[] = [];
    const totals: number[] = [];
    for (let pageToken = '', pages = 0; pages === 0 || pageToken !== ''; pages++) {
      const page = await read({ pageSize: 2, pageToken });
      entries.push(...page.entries);
      totals.push(page.total);
      pageToken = page.nextPageToken;
    }
    expect(totals[0]).toBe(USERS);
    expect(totals.slice(1).every((total) => total === 0)).toBe(true);
    expect(entries.map(({ key }) => key)).toEqual([...userIds].sort());
    await eventually(() => {
      const published = system.published.filter(({ topic }) => topic === 'auth.account.v1');
      const same = published.map(({ key, version, events }) => ({ key, version, events }));
      expect(entries).toEqual(same.sort((a, b) => (a.key < b.key ? -1 : 1)));
    });
    expect(EVENTS[REGISTERED].decode(entries[0]!.events[0]!.body).userId).toBe(entries[0]!.key);
  });

  it('adds up the versions of a range of keys, and answers its pages', async () => {
    const [, from, last, below] = [...userIds].sort();
    const range = { fromKey: from!, belowKey: below! };
    expect(await read({ versionSum: true })).toMatchObject({ entries: [], versionSum: USERS });
    expect(await read({ ...range, versionSum: true })).toMatchObject({ entries: [], versionSum: 2 });
    const { entries, nextPageToken } = await read({ ...range, pageSize: 1 });
    const next = await read({ ...range, pageSize: 1, pageToken: nextPageToken });
    const end = await read({ ...range, pageSize: 1, pageToken: next.nextPageToken });
    expect([entries, next.entries, end.entries].map((page) => page.map(({ key }) => key))).toEqual([
      [from],
      [last],
      [],
    ]);
    expect([entries[0]!.version, end.nextPageToken]).toEqual([1, '']);
  });

  it('answers one stream from a version on', async () => {
    const topic = 'auth.session.v1';
    const key = userIds[0]!;
    expect((await read({ topic, key })).entries.map(({ version }) => version)).toEqual([1]);
    expect((await read({ topic, key, fromVersion: 2 })).entries).toEqual([]);
    expect((await read({ topic, key: 'unobody' })).entries).toEqual([]);
  });

  it('refuses other topics, foreign pages and wrong sizes', async () => {
    await expect(read({ topic: 'messaging.message.v1' })).rejects.toEqual(refusing('INVALID'));
    await expect(read({ pageToken: 'x' })).rejects.toEqual(refusing('INVALID'));
    await expect(read({ pageToken: '1 claim:user-name:ann' })).rejects.toEqual(refusing('INVALID'));
    for (const pageSize of [-1, 1_001]) await expect(read({ pageSize })).rejects.toEqual(refusing('INVALID'));
  });
});
