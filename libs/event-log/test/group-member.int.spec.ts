import { silentLogger } from '@magpie/observability';
import kafkajs from 'kafkajs';
import { GroupMember } from '../src/group-member.js';
import { kafkaClient } from '../src/kafka-client.js';
import { BROKERS, numbered, openSetting, until, type Setting } from './setting.js';

describe('GroupMember', () => {
  let setting: Setting;
  const running: GroupMember[] = [];

  beforeAll(async () => {
    setting = await openSetting();
  }, 30_000);

  afterEach(() => Promise.all(running.splice(0).map((member) => member.stop())));

  afterAll(() => setting.close(), 30_000);

  it('comes back after an error that kafkajs holds for final', async () => {
    const log = await setting.open();
    const appender = log.appender({ topics: ['messaging.message.v1'], lane: 'request' });
    await appender.append({ topic: 'messaging.message.v1', key: 'k', partition: 0, events: [numbered(1)] });
    let failures = 1;
    let joins = 0;
    const read: string[] = [];
    const member = new GroupMember({
      kafka: kafkaClient({ brokers: BROKERS, clientId: setting.namespace, logger: silentLogger() }),
      groupId: `${setting.namespace}member`,
      topics: [log.physical('messaging.message.v1')],
      partitions: 2,
      minBytes: 1,
      maxWaitMs: 50,
      owned: () => ({}),
      onJoin: () => (joins += 1),
      onAlive: () => undefined,
      onRebalance: () => undefined,
      onBatch: ({ batch, resolveOffset }) => {
        failures -= 1;
        if (failures >= 0) throw new kafkajs.KafkaJSNonRetriableError('final');
        read.push(...batch.messages.map(({ offset }) => offset));
        resolveOffset(batch.lastOffset());
      },
      logger: silentLogger(),
    });
    // Nothing is joined yet: it is ignored, the join begins with all of it.
    member.pause(log.physical('messaging.message.v1'), 0);
    running.push(member);
    await member.start();
    await until(() => read.length === 1);
    expect({ read, joins }).toEqual({ read: ['0'], joins: 2 });
  }, 30_000);

  it('brings nothing of a partition that is paused at the join, until it is resumed at its place', async () => {
    const log = await setting.open();
    const [topic, physical] = ['messaging.message.v1', log.physical('messaging.message.v1')] as const;
    const appender = log.appender({ topics: [topic], lane: 'request' });
    const places = await Promise.all(
      [0, 0, 0, 1].map((partition) => appender.append({ topic, key: 'k', partition, events: [numbered(1)] })),
    );
    const read: string[] = [];
    const member: GroupMember = new GroupMember({
      kafka: kafkaClient({ brokers: BROKERS, clientId: setting.namespace, logger: silentLogger() }),
      groupId: `${setting.namespace}paused`,
      topics: [physical],
      partitions: 2,
      minBytes: 1,
      maxWaitMs: 50,
      owned: () => ({}),
      onJoin: () => member.pause(physical, 0),
      onAlive: () => undefined,
      onRebalance: () => undefined,
      onBatch: ({ batch, resolveOffset }) => {
        read.push(...batch.messages.map(({ offset }) => `${batch.partition}@${offset}`));
        resolveOffset(batch.lastOffset());
      },
      logger: silentLogger(),
    });
    running.push(member);
    await member.start();
    // Fetches have gone round: what came later in the other partition has been read.
    await until(() => read.includes(`1@${places[3]!.offset}`));
    const later = await appender.append({ topic, key: 'k', partition: 1, events: [numbered(2)] });
    await until(() => read.includes(`1@${later.offset}`));
    expect(read.filter((place) => place.startsWith('0@'))).toEqual([]);
    member.seek(physical, 0, places[2]!.offset);
    member.resume(physical, 0);
    await until(() => read.some((place) => place.startsWith('0@')));
    expect(read.filter((place) => place.startsWith('0@'))).toEqual([`0@${places[2]!.offset}`]);
  }, 30_000);
});
