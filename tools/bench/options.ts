import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `npm run bench -- [--rate N[,N…]] [--seconds N] [--warmup N] [--users N] [--bytes N] [--data DIR] [--out DIR]
npm run bench -- --rebuild [--accounts N] [--rate N] [--warmup N] [--users N] [--bytes N] [--data DIR]
npm run bench -- --search [--messages N] [--queries N] [--users N] [--data DIR]

  Drives the system that runs on this machine (DIR/run.json) with an open loop of messages between random pairs.
  --rate     messages per second, one stage each; default 300,2000; a ladder: 500,1000,2000,4000,8000
  --seconds  length of a stage; default 20
  --warmup   seconds before it that are not counted; default 10
  --users    signed-in devices; default 200 (kept in DIR/bench for the next run)
  --bytes    length of a text; default 230
  --rebuild  instead of the stages: rebuild social's view_profile under 300 msg/s (or --rate N) and a sign-up a second,
             and compare it, document by document, with the view before it
  --accounts accounts that there are at least for --rebuild, made in auth's store if missing; default 300000
  --search   instead of the stages: send a corpus of Chinese and mixed messages, ask for parts of 2 to 8 characters of it,
             and compare what is found with a scan of everything
  --messages of that corpus; default 100000
  --queries  asked one after the other; default 2100
  --data     default .data
  --out      where the results go; default bench-results`;

const RATE_MAX = 50_000;
const STAGES_MAX = 20;
const SECONDS_MAX = 600;
const USERS_MAX = 5_000;
const BYTES = { min: 40, max: 4_000 };
const MESSAGES_MAX = 3_000_000;
const REBUILD_RATE = '300';
const ACCOUNTS_MAX = 5_000_000;
/** The two who say most, and others who say less. */
const SEARCHERS_MIN = 4;
const CORPUS_MAX = 2_000_000;
const QUERIES_MAX = 100_000;

/** What ends the program with one line. */
export class BenchError extends Error {}

/** The running system, as the supervisor describes it. */
export interface RunningSystem {
  readonly tcp: string;
  readonly mongodb: string;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

export interface BenchOptions {
  readonly rates: readonly number[];
  /** Of a stage; with `rebuild`, at most. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly users: number;
  readonly bytes: number;
  /** Undefined: the stages. */
  readonly rebuild: { readonly accounts: number } | undefined;
  readonly search: { readonly messages: number; readonly queries: number } | undefined;
  readonly data: string;
  readonly out: string;
}

export function readOptions(args: string[]): BenchOptions | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  if (positionals.length > 0) throw new BenchError(`"${positionals[0]}" is not an option\n\n${USAGE}`);
  if (values.accounts !== undefined && !values.rebuild) throw new BenchError(`--accounts goes with --rebuild`);
  for (const name of ['messages', 'queries'] as const) {
    if (values[name] !== undefined && !values.search) throw new BenchError(`--${name} goes with --search`);
  }
  if (values.search && (values.rebuild || values.rate !== undefined || values.seconds !== undefined))
    throw new BenchError('--search goes without --rebuild, --rate and --seconds');
  if (values.seconds !== undefined && values.rebuild)
    throw new BenchError(`--rebuild takes as long as it takes: no --seconds`);
  const rates = (values.rate ?? (values.rebuild ? REBUILD_RATE : '300,2000'))
    .split(',')
    .map((text) => number('--rate', text, 1, RATE_MAX));
  const stagesMax = values.rebuild ? 1 : STAGES_MAX;
  if (rates.length > stagesMax) throw new BenchError(`--rate: ${rates.length} stages, at most ${stagesMax}`);
  const accounts = number('--accounts', values.accounts ?? '300000', 1, ACCOUNTS_MAX);
  const corpus = number('--messages', values.messages ?? '100000', 1000, CORPUS_MAX);
  const queries = number('--queries', values.queries ?? '2100', 1, QUERIES_MAX);
  const options = {
    rates,
    seconds: number('--seconds', values.seconds ?? (values.rebuild ? String(SECONDS_MAX) : '20'), 1, SECONDS_MAX),
    warmupSeconds: number('--warmup', values.warmup ?? '10', 0, SECONDS_MAX),
    users: number('--users', values.users ?? '200', values.search ? SEARCHERS_MIN : 2, USERS_MAX),
    bytes: number('--bytes', values.bytes ?? '230', BYTES.min, BYTES.max),
    rebuild: values.rebuild ? { accounts } : undefined,
    search: values.search ? { messages: corpus, queries } : undefined,
    data: resolve(values.data ?? '.data'),
    out: resolve(values.out ?? 'bench-results'),
  };
  const most = Math.max(...rates) * (options.seconds + options.warmupSeconds);
  if (most > MESSAGES_MAX) throw new BenchError(`a stage of ${most} messages, at most ${MESSAGES_MAX}`);
  return options;
}

function parse(args: string[]) {
  const option = { type: 'string' } as const;
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        rate: option,
        seconds: option,
        warmup: option,
        users: option,
        bytes: option,
        rebuild: { type: 'boolean', default: false },
        accounts: option,
        search: { type: 'boolean', default: false },
        messages: option,
        queries: option,
        data: option,
        out: option,
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new BenchError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new BenchError(`${name}: "${text}" is not a whole number from ${min} to ${max}`);
  }
  return value;
}

/** Only what runs on this machine: load is not for other people's servers. */
export async function readRunning(data: string): Promise<RunningSystem> {
  const path = join(data, 'run.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) throw new BenchError(`nothing is running here (no ${path}): start it with npm start`);
  const running = JSON.parse(text) as RunningSystem;
  if (!/^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?):\d+$/.test(running.tcp)) {
    throw new BenchError(`${running.tcp} is not on this machine`);
  }
  return running;
}
