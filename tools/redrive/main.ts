import type { TopicName } from '@magpie/contracts';
import { openEventLog } from '@magpie/event-log';
import { collectionOf, connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { readRunInfo, runFile, type RunInfo } from '@magpie/testing';
import { handleLetters } from './letters.js';
import { readOptions, RedriveError, sources, USAGE, type RedriveRequest } from './options.js';

/** As services have it, when nothing else is set. */
const HOT_PARTITIONS_DEFAULT = 16;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') return print(USAGE);
  const running = await readRunInfo(options.data);
  if (!running) {
    throw new RedriveError(`nothing is running here (no ${runFile(options.data)}): start it with npm start`);
  }
  let waiting = 0;
  const byOwner = Map.groupBy(options.topics ?? sources, (topic) => topic.slice(0, topic.indexOf('.')));
  for (const [owner, topics] of byOwner) waiting += await ofOwner(running, owner, topics, options);
  if (waiting === 0) print(`${options.consumer} has no letters that wait`);
}

async function ofOwner(
  running: RunInfo,
  owner: string,
  topics: readonly TopicName[],
  options: RedriveRequest,
): Promise<number> {
  const { MAGPIE_NAMESPACE: namespace = '', MAGPIE_HOT_PARTITIONS, MAGPIE_REPLICATION } = process.env;
  const logger = silentLogger();
  const connection = await connectMongo({ uri: running.mongodb, database: namespace + owner, logger });
  try {
    await requireLog(connection, owner);
    const log = await openEventLog({
      brokers: running.kafka.split(','),
      namespace,
      service: owner,
      connection,
      hotPartitions: Number(MAGPIE_HOT_PARTITIONS ?? HOT_PARTITIONS_DEFAULT),
      replication: Number(MAGPIE_REPLICATION ?? 1),
      logger,
    });
    try {
      return await handleLetters(log, topics, options, print);
    } finally {
      await log.close();
    }
  } finally {
    await connection.close();
  }
}

/** A namespace where nobody runs would be given topics by opening its log. */
async function requireLog(connection: Connection, owner: string): Promise<void> {
  if (await collectionOf(connection, 'state_log').findOne({})) return;
  throw new RedriveError(
    `${owner} has no log in the database ${connection.name}: is MAGPIE_NAMESPACE what it runs with?`,
  );
}

try {
  await main();
} catch (error) {
  process.stderr.write(`redrive: ${error instanceof RedriveError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
