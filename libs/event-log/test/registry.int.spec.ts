import kafkajs from 'kafkajs';
import { asAdmin, openSetting, type Setting } from './setting.js';

const TOPIC = 'messaging.message.v1';
const DEAD_LETTERS = 'messaging.archive.dead-letter.v1';
const DAYS_30_MS = String(30 * 24 * 60 * 60 * 1000);

// Goal: a service whose topics are not what the registry says does not start, says what is wrong, and mends nothing.
// Real: Kafka, MongoDB.
describe('the registry of topics', () => {
  let setting: Setting;

  beforeAll(async () => {
    setting = await openSetting();
    await setting.open();
  }, 30_000);

  afterAll(() => setting.close(), 30_000);

  it('refuses other partitions, in topics of its own and of others', async () => {
    const says = 'has 2 partitions, the registry says 3';
    await expect(setting.open('messaging', { hotPartitions: 3 })).rejects.toThrow(
      `${setting.namespace}${TOPIC} ${says}`,
    );
    // gateway has no topic of its own.
    const other = await setting.open('gateway', { hotPartitions: 3 });
    const gain = () => Promise.reject(new Error('not to be gained'));
    await expect(other.consume({ name: 'gateway.test', topics: [TOPIC], onPoison: 'stop', gain })).rejects.toThrow(
      says,
    );
  }, 30_000);

  it('does not keep a log that closes waiting for topics of others', async () => {
    const namespace = `${setting.namespace}none-`;
    const other = await setting.open('gateway', { namespace });
    const gain = () => Promise.reject(new Error('not to be gained'));
    const spec = { name: 'gateway.test', topics: [TOPIC], onPoison: 'stop', gain } as const;
    const joining = expect(other.consume(spec)).rejects.toMatchObject({ kind: 'unavailable' });
    other.beginClose();
    await joining;
    await expect(other.consume(spec)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('refuses too few replicas', async () => {
    await expect(setting.open('messaging', { replication: 2 })).rejects.toThrow('has 1 replicas, the settings say 2');
  }, 30_000);

  it.each([
    [TOPIC, 'message.timestamp.type', 'CreateTime', 'LogAppendTime'],
    [TOPIC, 'cleanup.policy', 'compact', 'delete'],
    [TOPIC, 'cleanup.policy', 'compact,delete', 'delete'],
    [TOPIC, 'retention.ms', '604800000', '-1'],
    [TOPIC, 'retention.bytes', '1000000000', '-1'],
    [TOPIC, 'min.insync.replicas', '2', '1'],
    [DEAD_LETTERS, 'retention.ms', '-1', DAYS_30_MS],
  ])(
    'refuses %s with %s=%s',
    async (topic, name, value, wanted) => {
      const physical = setting.namespace + topic;
      const before = await settingsOf(physical);
      await configure(physical, new Map([...before, [name, value]]));
      const says = `topic ${physical} has ${name}=${value}, the registry says ${wanted}`;
      await expect(setting.open()).rejects.toThrow(says);
      expect((await settingsOf(physical)).get(name)).toBe(value);
      await configure(physical, before);
      await (await setting.open()).close();
    },
    30_000,
  );
});

/** What was set for the topic itself. */
async function settingsOf(topic: string): Promise<Map<string, string>> {
  const { resources } = await asAdmin((admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
    }),
  );
  const own = resources[0]!.configEntries.filter(({ configSource }) => configSource === TOPIC_CONFIG);
  return new Map(own.map(({ configName, configValue }) => [configName, configValue]));
}

/** Kafka's number for a setting of the topic itself. */
const TOPIC_CONFIG = 1;

/** Kafka forgets what is not named. */
async function configure(topic: string, settings: ReadonlyMap<string, string>): Promise<void> {
  const configEntries = [...settings].map(([name, value]) => ({ name, value }));
  await asAdmin((admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    }),
  );
}
