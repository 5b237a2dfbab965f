import { rebuildableViews } from '@magpie/event-store';
import { connectMongo } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { readRunInfo, runFile } from '@magpie/testing';
import { rebuildView } from './follow.js';
import { readOptions, RebuildError, USAGE } from './options.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') return print(USAGE);
  const { service, view, data } = options;
  const running = await readRunInfo(data);
  if (!running) throw new RebuildError(`nothing is running here (no ${runFile(data)}): start it with npm start`);
  const database = `${process.env['MAGPIE_NAMESPACE'] ?? ''}${service}`;
  const connection = await connectMongo({ uri: running.mongodb, database, logger: silentLogger() });
  try {
    if (view !== undefined) return await rebuildView(connection, view, print);
    const views = await rebuildableViews(connection);
    if (views.length === 0) throw new RebuildError(`${service} has no views to be rebuilt`);
    for (const { _id, status } of views) print(`${_id}: ${status === 'Idle' ? 'never rebuilt' : status.toLowerCase()}`);
  } finally {
    await connection.close();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`rebuild: ${error instanceof RebuildError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
