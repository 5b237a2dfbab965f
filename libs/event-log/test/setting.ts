import type { event } from '@magpie/contracts';
import { connectMongo, type Connection } from '@magpie/mongo';
import { createLogger, type Logger } from '@magpie/observability';
import kafkajs, { type Admin } from 'kafkajs';
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import { openEventLog, type EventLog, type EventLogOptions } from '../src/index.js';

/** Real Kafka and MongoDB for one test file, with names of its own. */
export interface Setting {
  readonly namespace: string;
  readonly connection: Connection;
  readonly logger: Logger;
  /** What was logged at warning and above, for failed tests. */
  readonly logged: string[];
  open(service?: string, overrides?: Partial<EventLogOptions>): Promise<EventLog>;
  close(): Promise<void>;
}

export const BROKERS = (process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',');

export async function openSetting(): Promise<Setting> {
  const namespace = `t${randomBytes(5).toString('hex')}-`;
  const logged: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  const logger = createLogger({ name: 'event-log-test', level: 'warn', destination });
  const uri = process.env['MONGODB_URI'] ?? 'mongodb://127.0.0.1:27017/?directConnection=true';
  const connection = await connectMongo({ uri, database: `${namespace}log`, logger });
  const logs: EventLog[] = [];
  return {
    namespace,
    connection,
    logger,
    logged,
    async open(service = 'messaging', overrides = {}) {
      const log = await openEventLog({
        brokers: BROKERS,
        namespace,
        service,
        connection,
        hotPartitions: 2,
        replication: 1,
        ...overrides,
        logger,
      });
      logs.push(log);
      return log;
    },
    async close() {
      await Promise.all(logs.map((log) => log.close()));
      await dropTopics(namespace);
      await connection.db?.dropDatabase();
      await connection.close();
    },
  };
}

/** An event that carries a number, and an id by which repeats are known. */
export function numbered(number: number, dedupeId = ''): event.Event {
  return { type: 'test.Numbered', body: Buffer.from(String(number)), feed: undefined, dedupeId };
}

export function numberIn(event: event.Event): number {
  return Number(Buffer.from(event.body).toString());
}

/** Does to Kafka what no service does. */
export async function asAdmin<T>(act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new kafkajs.Kafka({ brokers: BROKERS, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await act(admin);
  } finally {
    await admin.disconnect();
  }
}

async function dropTopics(namespace: string): Promise<void> {
  await asAdmin(async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(namespace));
    await admin.deleteTopics({ topics });
  });
}

const UNTIL_MS = 20_000;

/** Waits for a condition, looking often. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + UNTIL_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${UNTIL_MS} ms: ${condition.toString()}`);
    await after(10);
  }
}
