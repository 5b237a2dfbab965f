import { partitionsOf, TOPICS, type TopicName, type TopicSpec } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import type { Logger } from '@magpie/observability';
import kafkajs, { type ITopicConfig } from 'kafkajs';
import { backOff } from './back-off.js';
import { START_WAIT_MS } from './limits.js';
import type { LogAdmin } from './log-admin.js';

export interface TopicSettings {
  readonly namespace: string;
  readonly hotPartitions: number;
  readonly replication: number;
}

/** Name of a topic in Kafka. */
export function physicalName(namespace: string, topic: TopicName): string {
  return namespace + topic;
}

/** The topics that a service owns: those whose names start with its name. */
export function topicsOf(service: string): TopicName[] {
  return (Object.keys(TOPICS) as TopicName[]).filter((topic) => topic.startsWith(`${service}.`));
}

/**
 * Makes the service's own topics where they are missing and checks them all: partitions, replication, settings.
 * Throws when one differs from the registry; that is never mended by itself.
 */
export async function ensureTopics(admin: LogAdmin, service: string, settings: TopicSettings, logger: Logger) {
  const topics = topicsOf(service);
  const wanted = topics.map((topic) => creationOf(topic, settings));
  await until(`the topics of ${service}`, async () => {
    const found = await admin.partitionCounts(wanted.map(({ topic }) => topic));
    const missing = wanted.filter(({ topic }) => !found.has(topic));
    if (missing.length === 0) return true;
    logger.info({ topics: missing.map(({ topic }) => topic) }, 'creating topics');
    // May throw though the topics were made: the next round looks at the metadata.
    await admin.ask((a) => a.createTopics({ topics: missing, waitForLeaders: true }));
    return false;
  });
  await checkCounts(admin, topics, settings);
  await checkSettings(admin, wanted);
}

/**
 * Waits (bounded) until topics of other services exist, and checks their partition counts. Throws the reason of `over`
 * once that is aborted.
 */
export async function awaitTopics(
  admin: LogAdmin,
  topics: readonly TopicName[],
  settings: TopicSettings,
  over: AbortSignal,
): Promise<void> {
  const names = topics.map((topic) => physicalName(settings.namespace, topic));
  const allThere = async () => {
    const found = await admin.partitionCounts(names);
    return names.every((name) => found.has(name));
  };
  await until(`topics ${names.join(', ')}`, allThere, over);
  await checkCounts(admin, topics, { ...settings, replication: 0 });
}

function creationOf(topic: TopicName, settings: TopicSettings): ITopicConfig & { configEntries: Entry[] } {
  return {
    topic: physicalName(settings.namespace, topic),
    numPartitions: partitionsOf(topic, settings.hotPartitions),
    replicationFactor: settings.replication,
    configEntries: entriesOf(TOPICS[topic], settings.replication),
  };
}

type Entry = { name: string; value: string };

function entriesOf(spec: TopicSpec, replication: number): Entry[] {
  return [
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
    { name: 'cleanup.policy', value: 'delete' },
    { name: 'retention.ms', value: String(spec.retentionMs) },
    { name: 'retention.bytes', value: '-1' },
    { name: 'min.insync.replicas', value: String(replication >= 3 ? 2 : 1) },
  ];
}

/** `replication` 0 = not checked. */
async function checkCounts(admin: LogAdmin, topics: readonly TopicName[], settings: TopicSettings): Promise<void> {
  const found = await admin.partitionCounts(topics.map((topic) => physicalName(settings.namespace, topic)));
  for (const topic of topics) {
    const name = physicalName(settings.namespace, topic);
    const counts = found.get(name);
    const partitions = partitionsOf(topic, settings.hotPartitions);
    if (!counts) throw away(`topic ${name} has no leader`);
    if (counts.partitions !== partitions) {
      throw new Error(`topic ${name} has ${counts.partitions} partitions, the registry says ${partitions}`);
    }
    if (counts.replication < settings.replication) {
      throw new Error(`topic ${name} has ${counts.replication} replicas, the settings say ${settings.replication}`);
    }
  }
}

async function checkSettings(admin: LogAdmin, wanted: readonly (ITopicConfig & { configEntries: Entry[] })[]) {
  if (wanted.length === 0) return;
  const { resources } = await admin.ask((a) =>
    a.describeConfigs({
      includeSynonyms: false,
      resources: wanted.map(({ topic, configEntries }) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: topic,
        configNames: configEntries.map(({ name }) => name),
      })),
    }),
  );
  for (const { topic, configEntries } of wanted) {
    const found = resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
    for (const { name, value } of configEntries) {
      const is = found.find(({ configName }) => configName === name)?.configValue;
      if (is !== value) throw new Error(`topic ${topic} has ${name}=${is}, the registry says ${value}`);
    }
  }
}

async function until(what: string, done: () => Promise<boolean>, over?: AbortSignal): Promise<void> {
  const deadline = performance.now() + START_WAIT_MS;
  let last: unknown;
  for (let attempt = 1; performance.now() < deadline; attempt += 1) {
    try {
      if (await done()) return;
    } catch (error) {
      last = error;
    }
    await backOff(attempt, over);
    over?.throwIfAborted();
  }
  throw away(`${what} did not appear within ${START_WAIT_MS} ms`, last);
}

function away(message: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', 'UNAVAILABLE', message, { cause });
}
