import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { endOrphans, ServerError, startKafka, startMongod, type RunningServer } from '@magpie/testing';

import { runJest, type JestOutcome } from './jest-run.js';
import { closingLine, totalsOf } from './summary.js';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const runs = join(repository, '.data/test');
/** The longest all runs together may take; more is for long runs of chosen tests. */
const LIMIT_MS = Number(process.env['MAGPIE_TEST_MINUTES'] ?? 18) * 60_000;

/** The whole-system tests kill and measure: they come last and have the machine to themselves. */
const RUNS = [
  ['--config', join(repository, 'jest.config.mjs'), '--ignoreProjects', 'e2e', '--maxWorkers=2'],
  ['--config', join(repository, 'apps/e2e/jest.config.mjs'), '--maxWorkers=1'],
];
const SERVERS = ['kafka', 'mongod'];
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Each run has a directory named by its pid; those of runs that are over are removed. */
async function freshDirectory(): Promise<string> {
  await mkdir(runs, { recursive: true });
  for (const name of await readdir(runs)) {
    if (isAlive(Number(name.slice('run-'.length)))) continue;
    for (const server of SERVERS) await endOrphans(join(runs, name, server));
    await rm(join(runs, name), { recursive: true, force: true });
  }
  const folder = join(runs, `run-${process.pid}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Starts the servers that the environment does not name; a failure of one does not leave the other behind. */
async function startServers(folder: string, started: RunningServer[]): Promise<Record<string, string>> {
  const start = async (server: Promise<RunningServer>): Promise<string> => {
    const running = await server;
    started.push(running);
    return running.address;
  };
  const { KAFKA_BROKERS, MONGODB_URI } = process.env;
  const options = (name: string) => ({ dataDir: join(folder, name), onStep: say });
  const results = await Promise.allSettled([
    KAFKA_BROKERS ?? start(startKafka(options('kafka'))),
    MONGODB_URI ?? start(startMongod(options('mongod'))),
  ]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  const [kafka, mongodb] = results.map((result) => (result as PromiseFulfilledResult<string>).value);
  return { KAFKA_BROKERS: kafka ?? '', MONGODB_URI: mongodb ?? '' };
}

/** One run after another; one that was cut short is the last. */
async function runAll(folder: string, env: NodeJS.ProcessEnv, stop: AbortSignal): Promise<JestOutcome[]> {
  const outcomes: JestOutcome[] = [];
  const deadline = Date.now() + LIMIT_MS;
  for (const [index, own] of RUNS.entries()) {
    const args = [...own, ...process.argv.slice(2)];
    const resultFile = join(folder, `jest-${index}.json`);
    const outcome = await runJest({ repository, resultFile, env, args, deadline, stop });
    outcomes.push(outcome);
    if (outcome.problem === undefined) continue;
    say(outcome.problem);
    break;
  }
  return outcomes;
}

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
  const folder = await freshDirectory();
  const started: RunningServer[] = [];
  let outcomes: JestOutcome[] = [];
  try {
    const servers = await startServers(folder, started);
    outcomes = await runAll(folder, { ...process.env, ...servers }, stop.signal);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    say([error.message, error.detail].filter(Boolean).join('\n'));
  } finally {
    await Promise.all(started.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  }
  const totals = totalsOf(outcomes);
  const isEmpty = ({ result }: JestOutcome): boolean => result?.testResults.length === 0;
  if (outcomes.length > 0 && outcomes.every(isEmpty)) say('no test was found');
  say(closingLine(totals));
  return totals.failed === 0 ? 0 : 1;
}

process.exitCode = await main();
