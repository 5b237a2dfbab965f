import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ServerError, type RunInfo } from '@magpie/testing';

import { parseOptions, USAGE, type StartOptions } from './options.js';
import { supervise, type Supervisor } from './supervisor.js';

/** A terminal and npm may both deliver one Ctrl-C: a repetition this soon is the same one. */
const SAME_SIGNAL_MS = 1_000;

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** As one would type it here, unless that means climbing out. */
function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') ? path : fromHere;
}

function banner(
  { http, ws, tcp, kafka, mongodb, processes }: RunInfo,
  { durable, dataDir }: StartOptions,
  ownKafka: boolean,
): string {
  const disk = durable
    ? 'every append is flushed to the disk (--durable)'
    : 'safe against kill -9, not against a power cut (see --durable)';
  const rows: [string, string][] = [
    ['http', http],
    ['websocket', ws],
    ['tcp', tcp],
    ['kafka', kafka],
    ['mongodb', mongodb.replace(/\/\/[^@/]*@/, '//…@')],
    ['data', `${shortPath(dataDir)} (logs in ${shortPath(join(dataDir, 'logs'))})`],
    ['log', ownKafka ? disk : 'kept by the Kafka of KAFKA_BROKERS'],
    ['processes', processes.map(({ name, pid }) => `${name} ${pid}`).join(', ')],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(10)} ${value}`);
  return ['Magpie runs. Ctrl-C stops it.', ...lines].join('\n');
}

async function main(): Promise<number> {
  let options: StartOptions;
  try {
    options = parseOptions(process.argv.slice(2), repository);
  } catch (error) {
    say(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const abort = new AbortController();
  let supervisor: Supervisor | undefined;
  let firstSignalAt: number | undefined;
  const stopped = Promise.withResolvers<void>();
  const onSignal = (): void => {
    if (firstSignalAt !== undefined && Date.now() - firstSignalAt < SAME_SIGNAL_MS) return;
    if (firstSignalAt === undefined) say('stopping …');
    firstSignalAt ??= Date.now();
    if (supervisor) supervisor.stop().then(stopped.resolve, stopped.reject);
    else if (abort.signal.aborted) process.exit(1);
    else abort.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  // A closed terminal must not end the supervisor before it has stopped the rest.
  process.stdout.on('error', () => undefined);
  const kafkaBrokers = process.env['KAFKA_BROKERS'] || undefined;
  const mongodbUri = process.env['MONGODB_URI'] || undefined;
  try {
    supervisor = await supervise(
      { ...options, apps: join(repository, 'apps'), kafkaBrokers, mongodbUri, say },
      abort.signal,
    );
  } catch (error) {
    if (abort.signal.aborted) return 0;
    if (!(error instanceof ServerError)) throw error;
    say([error.message, error.detail].filter(Boolean).join('\n'));
    return 1;
  }
  if (!abort.signal.aborted) say(banner(supervisor.info(), options, kafkaBrokers === undefined));
  await stopped.promise;
  return 0;
}

process.exit(await main());
