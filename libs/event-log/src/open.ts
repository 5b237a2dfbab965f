import { partitionsOf, type TopicName } from '@magpie/contracts';
import { partitionOf, unavailable } from '@magpie/domain';
import { collectionOf } from '@magpie/mongo';
import { randomUUID } from 'node:crypto';
import { Checkpoints, checkpointId, type CheckpointDocument } from './checkpoints.js';
import { ConsumerLag } from './consumer-lag.js';
import { GroupConsumer } from './consumer.js';
import type { CheckpointView, Consumer, ConsumerSpec } from './consumer-spec.js';
import { deadLetterTopic } from './dead-letters.js';
import type { EventLog, EventLogOptions } from './event-log.js';
import { FormerSelf } from './former-self.js';
import { viewOf } from './gain.js';
import type { StateLogDocument } from './generation-check.js';
import { Generations } from './generations.js';
import { isAway, kafkaClient } from './kafka-client.js';
import { Lanes } from './lanes.js';
import { LogAdmin } from './log-admin.js';
import { LogWatch } from './log-watch.js';
import { redrive, type RedrivenDocument } from './redrive.js';
import { ServerClock } from './server-clock.js';
import { tailOf } from './tail.js';
import { unlessOver } from './unless-over.js';
import { awaitTopics, ensureTopics, physicalName, topicsOf } from './topics.js';

/**
 * Opens the log for one service: makes and checks its own topics, takes their generations. Throws when a topic differs
 * from the registry or Kafka does not answer within a minute.
 */
export async function openEventLog(options: EventLogOptions): Promise<EventLog> {
  const { namespace, service, connection, hotPartitions, logger } = options;
  const client = {
    brokers: options.brokers,
    clientId: namespace + service,
    logger,
    socketFactory: options.socketFactory,
  };
  const kafka = kafkaClient(client);
  const admin = new LogAdmin(kafka);
  const clock = new ServerClock();
  const leases = collectionOf(connection, 'leases');
  const generations = new Generations({
    kafka,
    admin,
    namespace,
    hotPartitions,
    holder: randomUUID(),
    states: collectionOf<StateLogDocument>(connection, 'state_log'),
    leases,
    onRaise: () => clock.doubt(),
    logger,
  });
  const physical = (topic: TopicName) => physicalName(namespace, topic);
  const former = options.self === undefined ? undefined : new FormerSelf(connection, options.self, logger);
  const own = { admin, topics: topicsOf(service), ensureTopics: () => ensureTopics(admin, service, options, logger) };
  try {
    await own.ensureTopics();
    await generations.check(own.topics);
    await former?.init();
  } catch (error) {
    await generations.close();
    await admin.close();
    throw error;
  }
  const tail = tailOf(options.brokers);
  const watch = new LogWatch({ ...own, generations, physical, logger });
  const lanes = new Lanes({
    kafka: watch.guarded(client),
    namespace,
    service,
    hotPartitions,
    generations,
    clock,
    tail,
    logger,
  });
  const checkpoints = collectionOf<CheckpointDocument>(connection, 'checkpoints');
  const consumers = new Set<GroupConsumer>();
  const closing = new AbortController();
  const beginClose = () => closing.abort(unavailable('the log'));
  const lag = new ConsumerLag(
    checkpoints,
    (topic) => admin.bounds(physical(topic)),
    (name, topic, partition) => [...consumers].findLast((one) => one.name === name)?.hereOf(topic, partition),
  );
  const join = async (spec: ConsumerSpec): Promise<Consumer> => {
    await awaitTopics(admin, spec.topics, options, closing.signal);
    closing.signal.throwIfAborted();
    const deadLetters =
      spec.onPoison === 'dead-letter' ? lanes.appender([deadLetterTopic(spec.name)], 'persistent') : undefined;
    const consumer = new GroupConsumer({
      spec,
      kafka,
      admin,
      asked: new LogAdmin(kafka),
      checkpoints: new Checkpoints(checkpoints),
      namespace,
      partitions: spec.topics.reduce((sum, topic) => sum + partitionsOf(topic, hotPartitions), 0),
      physical,
      generations,
      deadLetters,
      former,
      tail,
      onStop: () => {
        consumers.delete(consumer);
        void deadLetters?.close(0);
      },
      logger,
    });
    consumers.add(consumer);
    try {
      await consumer.start();
      closing.signal.throwIfAborted();
    } catch (error) {
      await consumer.stop().catch(() => undefined);
      throw isAway(error) ? unavailable('Kafka', undefined, error) : error;
    }
    return consumer;
  };
  return {
    appender: ({ topics, lane }) => lanes.appender(topics, lane),
    consume: (spec) => unlessOver(closing.signal, join(spec)),
    hotPartitions,
    partitionFor: (topic, key) => partitionOf(key, partitionsOf(topic, hotPartitions)),
    physical,
    serverTime: () => clock.now(),
    clockState: () => clock.state(),
    lagOf: (consumer, topic, partition) => lag.ofPartition(consumer, topic, partition),
    generationOf: (topic, partition) => generations.of(topic, partition),
    onGeneration: (topic, listener) => generations.onRise(topic, listener),
    checkpointsOf: async (consumer, topic) => {
      const partitions = Array.from({ length: partitionsOf(topic, hotPartitions) }, (_, partition) => partition);
      const ids = partitions.map((partition) => checkpointId(consumer, topic, partition));
      const found = new Map((await checkpoints.find({ _id: { $in: ids } }).toArray()).map((d) => [d._id, viewOf(d)]));
      const views = partitions.map((partition) => [partition, found.get(ids[partition]!)] as const);
      return new Map(views.filter((entry): entry is [number, CheckpointView] => entry[1] !== undefined));
    },
    offsetsSince: (topic, timeMs) => admin.offsetsSince(physical(topic), timeMs),
    redrive: async (what) => {
      const appender = lanes.appender(what.topics, 'persistent');
      try {
        await awaitTopics(admin, [deadLetterTopic(what.consumer)], options, closing.signal);
        const marks = collectionOf<RedrivenDocument>(connection, 'state_redriven');
        return await redrive({ kafka, admin, physical, marks, leases, appender, logger }, what);
      } finally {
        // All that it took is answered.
        await appender.close(0);
      }
    },
    beginClose,
    close: async () => {
      beginClose();
      await inTurn([
        () => all([...consumers].map((consumer) => consumer.stop())),
        () => lanes.close(),
        () => watch.close(),
        () => generations.close(),
        () => admin.close(),
      ]);
    },
  };
}

/** Waits for all of them; throws what the first that failed has thrown. */
async function all(under: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(under)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Every step, also after one that failed; throws what the first of those threw. */
async function inTurn(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
