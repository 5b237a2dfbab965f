import { mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { MagpieError } from '../errors.js';
import type { Store } from '../ports.js';
import { SortedTexts } from '../stores/sorted-texts.js';

/** Lines beyond the live keys after which the file is written anew when it is opened. */
const GARBAGE_LINES_MAX = 10_000;
const FILE = 'store.jsonl';
const LOCK = 'store.lock';

/** Directories that this process has open: the lock file tells processes apart, not their parts. */
const openHere = new Set<string>();

type Line = readonly (readonly [key: string, value?: string])[];

/**
 * A store in a directory: one JSON line per write, appended and flushed to the disk; a line that a crash cut short at
 * the end of the file is dropped when it is opened. Rejects when another living process has the directory open.
 */
export async function fileStore(directory: string): Promise<Store> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (openHere.has(directory)) throw new MagpieError('CONFLICT', `${directory} is open already`);
  await lock(directory);
  openHere.add(directory);
  const path = join(directory, FILE);
  const { texts, lines, length } = await load(path);
  if (lines > texts.size + GARBAGE_LINES_MAX) await rewrite(path, texts);
  const file = await open(path, 'a', 0o600);
  if (lines <= texts.size + GARBAGE_LINES_MAX) await file.truncate(length);
  const writer = new LineWriter(file);
  return {
    get: async (key) => texts.get(key),
    list: async (range) => texts.list(range),
    write: async (changes) => {
      const line: Line = [...changes].map(([key, value]) => (value === undefined ? [key] : [key, value]));
      await writer.append(`${JSON.stringify(line)}\n`);
      texts.apply(changes);
    },
    close: async () => {
      await writer.close();
      await rm(join(directory, LOCK), { force: true });
      openHere.delete(directory);
    },
  };
}

/** Appends lines; those that come while one flush is under way share the next. */
class LineWriter {
  #waiting: { line: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #writing: Promise<void> | undefined;
  /** After a write that failed the file may end in half a line: nothing more goes there. */
  #broken: unknown;

  constructor(private readonly file: FileHandle) {}

  append(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, resolve, reject });
      this.#writing ??= this.#run().finally(() => (this.#writing = undefined));
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.file.close();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        if (this.#broken !== undefined) throw this.#broken;
        await this.file.appendFile(batch.map(({ line }) => line).join(''));
        await this.file.datasync();
        for (const { resolve } of batch) resolve();
      } catch (error) {
        this.#broken = error;
        for (const { reject } of batch) reject(error);
      }
    }
  }
}

async function load(path: string): Promise<{ texts: SortedTexts; lines: number; length: number }> {
  const texts = new SortedTexts();
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  let lines = 0;
  let length = 0;
  for (let end = content.indexOf(10); end !== -1; end = content.indexOf(10, length)) {
    const line = JSON.parse(content.toString('utf8', length, end)) as Line;
    texts.apply(line.map(([key, value]) => [key, value] as const));
    length = end + 1;
    lines++;
  }
  return { texts, lines, length };
}

async function rewrite(path: string, texts: SortedTexts): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  for (const entry of texts.entries()) await file.appendFile(`${JSON.stringify([entry])}\n`);
  await file.datasync();
  await file.close();
  await rename(`${path}.new`, path);
}

/** A file with the owner's process id; one whose process is gone is taken over. */
async function lock(directory: string): Promise<void> {
  const path = join(directory, LOCK);
  for (let tries = 0; tries < 2; tries++) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid));
      return await file.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const owner = Number(await readFile(path, 'utf8').catch(() => ''));
      if (isAlive(owner)) throw new MagpieError('CONFLICT', `${directory} is in use by process ${owner}`);
      await rm(path, { force: true });
    }
  }
  throw new MagpieError('CONFLICT', `${directory} is in use`);
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
