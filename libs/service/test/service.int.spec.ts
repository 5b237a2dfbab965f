import { randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { collectionOf, connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import type { Consumer, EventLog } from '@magpie/event-log';
import { CONNECTION, EVENT_LOG, startServices, type Component, type ServiceDefinition } from '../src/index.js';
import { readProcessConfig } from '../src/process-config.js';
import { RunningService } from '../src/running-service.js';

const logger = silentLogger();
const namespace = `service-${randomUUID().slice(0, 8)}-`;
const uri = process.env['MONGODB_URI'] ?? '';
const START_MS = 10_000;
/** Less than a part waits for the topics of another service, more than a stop takes. */
const STOP_MS = 10_000;

class DemoModule {}
Module({})(DemoModule);
const PARTS = Symbol('PARTS');

/** A service that writes one document into its own database when it starts. */
function demo(log: boolean): ServiceDefinition {
  const component = (connection: Connection): Component => ({
    start: async () => void (await collectionOf(connection, 'state_demo').insertOne({ here: true })),
  });
  const inject = log ? [CONNECTION, EVENT_LOG] : [CONNECTION];
  const module = { module: DemoModule, providers: [{ provide: PARTS, useFactory: component, inject }] };
  return { name: 'demo', config: () => ({}), database: true, log, module: () => module, components: [PARTS] };
}

const env = {
  MAGPIE_CALLER_SECRET: 'a secret long enough',
  MAGPIE_NAMESPACE: namespace,
  KAFKA_BROKERS: process.env['KAFKA_BROKERS'],
  MONGODB_URI: uri,
};

describe('startServices with servers', () => {
  afterAll(async () => {
    const connection = await connectMongo({ uri, database: `${namespace}demo`, logger });
    await connection.dropDatabase();
    await connection.close();
  });

  it.each([false, true])(
    'gives a service its own database, with an event log: %s',
    async (log) => {
      // Goal: the database is the namespace and the service's name; start and stop leave nothing open. Real: both servers.
      const running = await startServices([demo(log)], { env, logger });
      const connection = await connectMongo({ uri, database: `${namespace}demo`, logger });
      expect(await collectionOf(connection, 'state_demo').countDocuments()).toBe(log ? 2 : 1);
      await connection.close();
      await running.stop();
    },
    START_MS,
  );

  it(
    'does not wait, when it stops, for a part that waits for Kafka',
    async () => {
      // Goal: the topic that the part joins for never appears, and it awaits its own joining in `stop`. Real: both servers.
      let joining: Promise<Consumer> | undefined;
      const begun = Promise.withResolvers<void>();
      const part = (log: EventLog): Component => ({
        join: async () => {
          joining = log.consume({ name: 'demo.test', topics: ['auth.session.v1'], onPoison: 'stop', gain: never });
          begun.resolve();
          await joining;
        },
        stop: async () => void (await joining?.catch(() => undefined)),
      });
      const never = (): Promise<never> => Promise.reject(new Error('not to be gained'));
      const definition = demo(true);
      const module = { module: DemoModule, providers: [{ provide: PARTS, useFactory: part, inject: [EVENT_LOG] }] };
      const service = new RunningService({ ...definition, module: () => module }, readProcessConfig(env), env, logger);
      await service.start();
      await begun.promise;
      await service.stop();
      await expect(service.joined()).rejects.toMatchObject({ kind: 'unavailable' });
    },
    STOP_MS,
  );

  it('names the server setting that a service needs', async () => {
    // Goal: a missing URI is a readable line, not a failed connection.
    const without = { ...env, MONGODB_URI: undefined };
    await expect(startServices([demo(false)], { env: without, logger })).rejects.toThrow('MONGODB_URI is not set');
  });
});
