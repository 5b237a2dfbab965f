import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { collectionOf } from '@magpie/mongo';
import type { ISocketFactory } from 'kafkajs';
import type { StateLogDocument } from '../src/generation-check.js';
import type { Generations } from '../src/generations.js';
import { BareLog, TOPIC } from './bare-log.js';
import { BROKERS, openSetting, until, type Setting } from './setting.js';

// Goal: no owner appends to a log that was cut, whatever it looks like by then. Real: MongoDB and its lease,
// and where producers connect Kafka, or what stands for it.
describe('a log that is cut under its owners', () => {
  let setting: Setting;
  let log: BareLog;

  beforeAll(async () => {
    setting = await openSetting();
  }, 30_000);

  beforeEach(() => {
    log = new BareLog(setting);
  });

  afterEach(async () => {
    await log.close();
    await collectionOf<StateLogDocument>(setting.connection, 'state_log').deleteMany({});
  });

  afterAll(() => setting.close(), 30_000);

  it('has its generation raised for a batch that was answered below its end, though that fills it up again', async () => {
    const owner = await log.owner('only');
    const lane = owner.forLane(TOPIC);
    append(lane, 0, 100);
    lane.of(0);
    log.end = 105;
    expect(() => lane.note(0, 95, 105)).toThrow('answered offset 95, it was 100 long');
    await lane.recover();
    expect(owner.of(TOPIC, 0)).toBe(2);
  });

  it('is not taken for whole before that has happened', async () => {
    const owner = await log.owner('only');
    const lane = owner.forLane(TOPIC);
    append(lane, 0, 100);
    lane.of(0);
    log.end = 105;
    expect(() => lane.note(0, 95, 105)).toThrow();
    await log.look(owner);
    expect(owner.of(TOPIC, 0)).toBe(2);
  });

  it('is known by one that appended little itself to be shorter than it saw', async () => {
    const [busy, idle] = [await log.owner('busy'), await log.owner('idle')];
    append(idle.forLane(TOPIC), 0, 28);
    append(busy.forLane(TOPIC), 28, 100);
    log.end = 100;
    await log.look(idle);
    log.end = 30;
    await log.look(idle);
    expect(idle.of(TOPIC, 0)).toBe(2);
    expect(await noted()).toMatchObject({ generation: 2, end: 30 });
  });

  it('is known by a batch of one that appended little itself, sent before it looked again', async () => {
    const owner = await log.owner('idle');
    log.end = 100;
    await log.look(owner);
    const lane = owner.forLane(TOPIC);
    lane.of(0);
    expect(() => lane.note(0, 30, 31)).toThrow('answered offset 30, it was 100 long');
  });

  it('is whole when a look sees a batch before its answer comes', async () => {
    const owner = await log.owner('only');
    const lane = owner.forLane(TOPIC);
    lane.of(0);
    log.end = 2;
    await log.look(owner);
    lane.note(0, 0, 2);
    await log.look(owner);
    expect(owner.of(TOPIC, 0)).toBe(1);
  });

  it('gets nothing over a connection that was made before its generation rose', async () => {
    const owner = await log.owner('only');
    const broker = await silentBroker();
    const watching = log.watch(owner);
    const options = { brokers: [broker.address], clientId: 'test', logger: setting.logger };
    const late = watching.guarded(options).producer({ retry: { retries: 0 } });
    log.end = 100;
    await watching.look();
    log.end = 30;
    await expect(late.connect()).rejects.toThrow('a generation rose since this producer was made');
    expect([owner.of(TOPIC, 0), broker.received]).toEqual([2, 0]);
    const next = watching.guarded(options).producer({ retry: { retries: 0 } });
    const refused = expect(next.connect()).rejects.toThrow();
    await until(() => broker.received > 0);
    broker.close();
    await refused;
    await watching.close();
  });

  it('gets nothing more from a producer that was given up, which kafkajs would have try again', async () => {
    const sockets: Socket[] = [];
    const socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
      const socket = connect({ host, port }, onConnect);
      sockets.push(socket);
      return socket;
    };
    const watching = log.watch(await log.owner('only'));
    const options = { brokers: BROKERS, clientId: 'test', logger: setting.logger, socketFactory };
    const producer = watching.guarded(options).producer();
    await producer.connect();
    const leaving = producer.disconnect();
    // At once: kafkajs itself would first wait for what it has sent.
    expect([sockets.length > 0, ...sockets.map(({ destroyed }) => destroyed)]).not.toContain(false);
    await leaving;
    await watching.close();
  });

  const noted = () => collectionOf<StateLogDocument>(setting.connection, 'state_log').findOne({ _id: `${TOPIC}/0` });
});

function append(lane: ReturnType<Generations['forLane']>, base: number, end: number): void {
  lane.of(0);
  lane.note(0, base, end);
}

/** Takes connections and answers nothing. */
async function silentBroker() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', (chunk) => (broker.received += chunk.length)).on('error', () => undefined);
  });
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const broker = { received: 0, address: '', close };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  broker.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return broker;
}
