import { collectionOf, type Collection, type Document } from '@magpie/mongo';
import { partitionId, type StateLogDocument } from '../src/generation-check.js';
import { BareLog, TOPIC } from './bare-log.js';
import { openSetting, until, type Setting } from './setting.js';

const ID = partitionId(TOPIC, 0);

// Goal: a generation is given out once, and every process of a service learns of it. Real: MongoDB and its lease.
describe('the generations of a service', () => {
  let setting: Setting;
  let states: Collection<StateLogDocument>;
  let log: BareLog;

  beforeAll(async () => {
    setting = await openSetting();
    states = collectionOf<StateLogDocument>(setting.connection, 'state_log');
  }, 30_000);

  beforeEach(() => {
    log = new BareLog(setting);
  });

  afterEach(async () => {
    await log.close();
    await states.deleteMany({});
  });

  afterAll(() => setting.close(), 30_000);

  const open = (holder: string) => log.owner(holder);
  const generationNoted = async () => (await states.findOne({ _id: ID }))?.generation;
  const once = (act: () => Promise<void>) => async () => {
    log.asked = () => Promise.resolve();
    await act();
  };

  it('are not given out by one that read before others raised them', async () => {
    const frozen = await open('frozen');
    log.clusterId = 'two';
    log.asked = once(
      async () => void (await states.updateOne({ _id: ID }, { $set: { generation: 3, clusterId: 'two' } })),
    );
    await frozen.check([TOPIC]);
    expect(await generationNoted()).toBe(3);
    expect(frozen.of(TOPIC, 0)).toBe(3);
  });

  it('are not made anew by one that found none before others noted them', async () => {
    log.asked = once(async () => void (await states.insertOne({ _id: ID, generation: 3, clusterId: 'one', end: 0 })));
    const late = await open('late');
    expect(await generationNoted()).toBe(3);
    expect(late.of(TOPIC, 0)).toBe(3);
  });

  it('are read again by one whose lease ran out before it had read to the end', async () => {
    const frozen = await open('frozen');
    const leases = collectionOf<{ _id: string } & Document>(setting.connection, 'leases');
    log.asked = once(async () => {
      await leases.updateOne({ _id: 'state_log' }, { $set: { holder: 'another', until: new Date(0) } });
      await states.updateOne({ _id: ID }, { $set: { generation: 3 } });
      // It has heard of that once it has gained the lease anew.
      await until(async () => (await leases.findOne({ _id: 'state_log' }))?.['holder'] === 'frozen');
    });
    await frozen.check([TOPIC]);
    expect(frozen.of(TOPIC, 0)).toBe(3);
  }, 15_000);

  it('are heard of by a second living owner whose own end still stands', async () => {
    const [first, second] = [await open('first'), await open('second')];
    const lane = first.forLane(TOPIC);
    lane.of(0);
    lane.note(0, 0, 20);
    log.end = 10;
    await first.check([TOPIC]);
    const risen: [number, number][] = [];
    second.onRise(TOPIC, (partition, generation) => void risen.push([partition, generation]));
    await log.look(second);
    expect([first.of(TOPIC, 0), second.of(TOPIC, 0), risen]).toEqual([2, 2, [[0, 2]]]);
  });

  it('rise when the log is shorter than another owner noted that does not live any more', async () => {
    const [dead, living] = [await open('dead'), await open('living')];
    const lane = dead.forLane(TOPIC);
    lane.of(0);
    lane.note(0, 0, 20);
    await dead.close();
    log.end = 10;
    await log.look(living);
    expect(living.of(TOPIC, 0)).toBe(2);
  });

  it('stay while a batch is under way that a check sees already', async () => {
    const generations = await open('only');
    const lane = generations.forLane(TOPIC);
    lane.of(0);
    log.end = 2;
    await generations.check([TOPIC]);
    expect(() => lane.note(0, 0, 2)).not.toThrow();
    expect(() => lane.note(0, 1, 3)).toThrow('answered offset 1, it was 2 long');
  });
});
