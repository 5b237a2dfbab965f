import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { keepPlayers, signInAll, type Player } from './accounts.js';
import { BenchError, USAGE, readOptions, readRunning, type BenchOptions, type RunningSystem } from './options.js';
import { picture } from './picture.js';
import { benchRebuild } from './rebuild.js';
import { isExact, reportLines, reportOf, type StageReport } from './report.js';
import { benchSearch } from './search.js';
import { requireStrangers, runStage, type StageResult } from './stage.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const PROGRESS_EVERY = 50;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    print(USAGE);
    return 0;
  }
  const interrupted = new AbortController();
  // A terminal and npm may both pass it on.
  process.on('SIGINT', () => interrupted.abort(new BenchError('interrupted')));
  const running = await readRunning(options.data);
  const directory = join(options.data, 'bench');
  const players = await signInAll(running.tcp, directory, options.users, (done, of) => {
    if (done % PROGRESS_EVERY === 0 || done === of) print(`${done} of ${of} users signed in`);
  }).catch((error: Error) => {
    throw new BenchError(`${running.tcp} does not let users in: ${error.message}`);
  });
  try {
    await requireStrangers(players);
    const run = options.search ? benchSearch : options.rebuild ? benchRebuild : runStages;
    const isGood = await run(options, players, running, interrupted.signal, print);
    await keepPlayers(directory, players);
    if (interrupted.signal.aborted) print('interrupted');
    return isGood && !interrupted.signal.aborted ? 0 : 1;
  } finally {
    for (const { device } of players) device.close();
  }
}

/** One after the other; answers whether nothing was lost, repeated or out of order. */
async function runStages(
  options: BenchOptions,
  players: readonly Player[],
  running: RunningSystem,
  signal: AbortSignal,
): Promise<boolean> {
  const results: StageResult[] = [];
  const reports: StageReport[] = [];
  for (const rate of options.rates) {
    if (signal.aborted) break;
    const result = await runStage({ ...options, rate }, players, running, signal);
    const report = reportOf(result);
    results.push(result);
    reports.push(report);
    for (const line of reportLines(report)) print(line);
  }
  if (results.length > 0) await writeResults(options, results, reports);
  const exact = reports.every(isExact);
  if (!exact) print('NOT EXACT: something was lost, repeated or out of order');
  return exact;
}

async function writeResults(
  options: BenchOptions,
  results: readonly StageResult[],
  stages: readonly StageReport[],
): Promise<void> {
  await mkdir(options.out, { recursive: true });
  const at = new Date().toISOString();
  const name = join(options.out, at.replace(/[:.]/g, '-'));
  const machine = { cores: cpus().length, model: cpus()[0]?.model ?? '', node: process.version };
  const { users, bytes, warmupSeconds } = options;
  await writeFile(`${name}.json`, `${JSON.stringify({ at, machine, users, bytes, warmupSeconds, stages }, null, 2)}\n`);
  await writeFile(`${name}.svg`, picture(results));
  print(`written: ${name}.json and .svg`);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof BenchError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
