import { silentLogger } from '@magpie/observability';
import kafkajs from 'kafkajs';
import { GroupMember } from '../src/group-member.js';
import { kafkaClient } from '../src/kafka-client.js';
import { BROKERS, numbered, openSetting, until, type Setting } from './setting.js';

describe('GroupMember', () => {
  let setting: Setting;

  beforeAll(async () => {
    setting = await openSetting();
  }, 30_000);

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
    await member.start();
    await until(() => read.length === 1);
    expect({ read, joins }).toEqual({ read: ['0'], joins: 2 });
    await member.stop();
  }, 30_000);
});
