import { gateway, sync } from '@magpie/contracts';
import { renderMetrics } from '@magpie/observability';
import { TcpClient, item } from './client.js';
import { until, type Person } from './fake-backend.js';
import { startSystem, type System } from './system.js';

const SYNC = 121;
const HEARTBEAT = 6;
/** Megabytes that a device asks for and does not read. */
const PULLS = 64;
/** Moving megabytes through every buffer takes long on a busy machine. */
const CUT_OFF_MS = 15_000;

// Goal: a device hears of each new entry as the contract says, wherever its feed is served. Real: the gateway, gRPC and
// all sockets; the feed’s owner is a test double.
describe('feeds', () => {
  let system: System;
  let user = 0;
  const clients: TcpClient[] = [];
  const open = async (person: Person, key?: number): Promise<TcpClient> => {
    const client = await TcpClient.open(system.tcpPort);
    clients.push(client);
    await client.identify(await system.backend.token(person), key);
    return client;
  };
  /** Each test has its own user. */
  const person = (deviceId = 'device-1'): Person => ({
    userId: `u${user}`,
    deviceId,
    sessionId: `s${user}${deviceId}`,
  });
  const beat = async (client: TcpClient, key: number) => {
    const frame = await client.ask(HEARTBEAT, gateway.HeartbeatRequest.encode({ key }).finish());
    return gateway.HeartbeatResponse.decode(frame.body);
  };

  beforeAll(async () => {
    system = await startSystem();
  });
  beforeEach(() => {
    user++;
    system.backend.sync = () => Promise.resolve(sync.SyncResponse.fromPartial({}));
  });
  afterEach(() => clients.splice(0).forEach((client) => client.close()));
  afterAll(() => system.stop());

  it('brings items to a device that holds the key before them', async () => {
    const { userId } = person();
    system.backend.newest.set(userId, 10);
    const client = await open(person(), 10);
    system.backend.deliver(userId, 12, item(12));
    await until('the first notice', () => client.notices().length === 1);
    system.backend.deliver(userId, 13, item(13));
    await until('the second notice', () => client.notices().length === 2);
    const notices = client
      .notices()
      .map(({ fromKey, toKey, items }) => [fromKey, toKey, items.map((one) => one.number)]);
    expect(notices).toEqual([
      [10, 12, [12]],
      [12, 13, [13]],
    ]);
    expect(client.notices()[0]!.items[0]!.item).toMatchObject({ $case: 'message', value: { messageId: 'm12' } });
  });

  it('tells the owner of a feed what a device says that it holds, once, and the newest only', async () => {
    const { userId } = person();
    system.backend.newest.set(userId, 30);
    const client = await open(person(), 10);
    await beat(client, 20);
    await beat(client, 20);
    await beat(client, 15);
    await beat(client, 30);
    const told = () => system.backend.held.filter((one) => one.userId === userId).map(({ key }) => key);
    await until('the newest', () => told().at(-1) === 30);
    expect(told()).toEqual([20, 30]);
  });

  it('brings what is of the moment to every link, and leaves the key where it is', async () => {
    const { userId } = person();
    system.backend.newest.set(userId, 10);
    const client = await open(person(), 10);
    const other = await open(person('device-2'), 10);
    system.backend.signal(userId, item(0));
    system.backend.deliver(userId, 12, item(12));
    await until('the entry', () => client.notices().length === 2);
    system.backend.signal(userId, item(0));
    await until('all of it', () => client.notices().length === 3 && other.notices().length === 3);
    const keysOf = ({ fromKey, toKey, items }: gateway.Notice) => [fromKey, toKey, items.map(({ number }) => number)];
    for (const each of [client, other]) {
      expect(each.notices().map(keysOf)).toEqual([
        [10, 10, [0]],
        [10, 12, [12]],
        [12, 12, [0]],
      ]);
    }
  });

  it('tells a device that lags to pull, and brings items after its pull', async () => {
    const { userId } = person();
    system.backend.newest.set(userId, 20);
    const client = await open(person(), 5);
    await until('the notice', () => client.notices().length === 1);
    expect(client.notices()[0]).toEqual({ fromKey: 5, toKey: 20, items: [] });
    system.backend.sync = (_, caller) => {
      caller.answer.feedKey = 20;
      return Promise.resolve(sync.SyncResponse.fromPartial({}));
    };
    await client.ask(SYNC, sync.SyncRequest.encode({ syncKey: undefined, limit: 0 }).finish());
    system.backend.deliver(userId, 21, item(21));
    await until('the next notice', () => client.notices().length === 2);
    expect(client.notices()[1]).toMatchObject({ fromKey: 20, toKey: 21, items: [{ number: 21 }] });
  });

  it('does not notify a device of its own doing, but brings it with the next', async () => {
    const { userId } = person();
    const author = await open(person('device-1'));
    const other = await open(person('device-2'));
    system.backend.deliver(userId, 1, item(1), 'device-1');
    await until('the other device’s notice', () => other.notices().length === 1);
    expect(author.notices()).toEqual([]);
    expect((await beat(author, 0)).newestKey).toBe(1);
    system.backend.deliver(userId, 2, item(2));
    await until('the author’s notice', () => author.notices().length === 1);
    expect(author.notices()[0]).toMatchObject({ fromKey: 0, toKey: 2, items: [{ number: 1 }, { number: 2 }] });
  });

  it('attaches again after the owner moved and tells what was missed', async () => {
    const { userId } = person();
    const client = await open(person(), 0);
    system.backend.announce(2, false);
    let last = '';
    while (last !== 'UNAVAILABLE') last = await client.error(SYNC);
    system.backend.newest.set(userId, 7);
    system.backend.announce(3, true);
    await until('the notice', () => client.notices().length === 1);
    expect(client.notices()[0]).toEqual({ fromKey: 0, toKey: 7, items: [] });
    expect((await beat(client, 7)).newestKey).toBe(7);
  });

  it('answers identify within two seconds while nobody owns the feed, and notifies later', async () => {
    system.backend.announce(4, false);
    const { userId } = person();
    system.backend.newest.set(userId, 3);
    const client = await TcpClient.open(system.tcpPort);
    clients.push(client);
    const sequence = client.send(
      205,
      gateway.IdentifyRequest.encode({
        accessToken: await system.backend.token(person()),
        syncKey: undefined,
      }).finish(),
    );
    const answer = gateway.IdentifyResponse.decode((await client.answer(sequence)).body);
    expect(answer).toMatchObject({ userId, newestKey: 0 });
    system.backend.announce(5, true);
    await until('the notice', () => client.notices().length === 1);
    expect(client.notices()[0]).toMatchObject({ toKey: 3 });
  });

  it('lets go of users without links', async () => {
    const { userId } = person();
    const client = await open(person());
    expect(system.backend.attached.has(userId)).toBe(true);
    client.close();
    await until('the detach', () => !system.backend.attached.has(userId));
  });

  it('tells which devices of a user have links', async () => {
    const { userId } = person();
    const devices = () => [...(system.backend.devices.get(userId) ?? [])].sort().join();
    const first = await open(person('device-1'));
    const second = await open(person('device-2'));
    await until('both', () => devices() === 'device-1,device-2');
    first.close();
    await until('the other', () => devices() === 'device-2');
    system.backend.announce(9, false);
    system.backend.devices.clear();
    system.backend.announce(10, true);
    await until('the same, told to the next owner', () => devices() === 'device-2');
    second.close();
  });

  it(
    'stops sending items to a device that does not read, and cuts it off in the end',
    async () => {
      const { userId } = person();
      const client = await open(person(), 0);
      client.socket.pause();
      const large = item(1, 'x'.repeat(4000));
      let key = 0;
      // What the kernel's buffers take is lost to the bound, so there is far more: no clock decides when it is enough.
      const stamp = new Uint8Array(1_000_000);
      system.backend.sync = () => Promise.resolve(sync.SyncResponse.fromPartial({ syncKey: { stamp } }));
      for (let n = 0; n < PULLS; n++) client.send(SYNC);
      for (let n = 0; n < 50; n++) system.backend.deliver(userId, ++key, large);
      await until('the end of the slow link', () => !system.backend.attached.has(userId), CUT_OFF_MS);
      expect((await renderMetrics()).body).toContain('magpie_gateway_link_closes_total{cause="slow-reader"} 1');
      const neighbour = await open(person('device-2'), key);
      system.backend.deliver(userId, ++key, item(key));
      await until('the neighbour’s notice', () => neighbour.notices().length === 1);
    },
    2 * CUT_OFF_MS,
  );
});
